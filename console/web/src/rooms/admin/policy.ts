/** A policy as rows that people read and change; its numbers are those of docs/formats/policy.md. */

export type Value = Record<string, Record<string, number | string | string[]>>
export type Kind = 'length' | 'term' | 'metres' | 'days' | 'dates'
export const TERMS = ['h', 'd', 'wd'] as const

export interface Row {
  path: string
  kind: Kind
  value: number | string | string[]
}
/** A row in a form: a length is told in seconds there, dates one in a line. */
export interface Field {
  path: string
  kind: Kind
  text: string
  unit: (typeof TERMS)[number]
}

function kindOf(name: string, value: Row['value']): Kind {
  if (Array.isArray(value)) return 'dates'
  if (typeof value === 'string') return 'term'
  if (name.endsWith('_ms') || name.includes('_ms_')) return 'length'
  return name.endsWith('_m') ? 'metres' : 'days'
}

export const flat = (value: Value): Row[] =>
  Object.entries(value).flatMap(([part, numbers]) =>
    Object.entries(numbers).map(([name, one]) => ({ path: `${part}.${name}`, kind: kindOf(name, one), value: one })))

/** Which numbers are others than in `before`. */
export function changed(before: Value, after: Value): Set<string> {
  const texts = (value: Value): Map<string, string> => new Map(flat(value).map((row) => [row.path, JSON.stringify(row.value)]))
  const [old, fresh] = [texts(before), texts(after)]
  return new Set([...old.keys(), ...fresh.keys()].filter((path) => old.get(path) !== fresh.get(path)))
}

const UNITS: [string, number][] = [['day', 86_400_000], ['hour', 3_600_000], ['minute', 60_000], ['second', 1000]]
const counted = (n: number, unit: string, locale: string): string =>
  new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'long' }).format(n)

/** A number with its unit in words; of a term, the words are the caller's: they tell days from working days. */
export function told(row: Row, locale: string, term: (unit: string, n: number) => string): string {
  if (Array.isArray(row.value)) return row.value.join(locale === 'en' ? ', ' : '、')
  if (row.kind === 'term') {
    const [, n, unit] = /^(\d+)(h|d|wd)$/.exec(String(row.value)) ?? []
    return n === undefined || unit === undefined ? String(row.value) : term(unit, Number(n))
  }
  const n = Number(row.value)
  if (row.kind !== 'length') return counted(n, row.kind === 'metres' ? 'meter' : 'day', locale)
  const [unit, ms] = UNITS.find(([, whole]) => n >= whole && n % whole === 0) ?? ['second', 1000]
  return counted(n / ms, unit, locale)
}

export const toFields = (value: Value): Field[] =>
  flat(value).map(({ path, kind, value: one }) => {
    const [, n, unit] = kind === 'term' ? (/^(\d+)(h|d|wd)$/.exec(String(one)) ?? []) : []
    const text = Array.isArray(one) ? one.join('\n') : kind === 'length' ? String(Number(one) / 1000) : (n ?? String(one))
    return { path, kind, text, unit: (unit ?? 'h') as Field['unit'] }
  })

export function fromFields(fields: Field[]): Value {
  const value: Value = {}
  for (const { path, kind, text, unit } of fields) {
    const [part = '', name = ''] = path.split('.')
    const trimmed = String(text).trim()
    const numbers = (value[part] ??= {})
    if (kind === 'dates') numbers[name] = trimmed.split(/[\s,，、;；]+/).filter((one) => one !== '')
    else if (kind === 'term') numbers[name] = `${trimmed}${unit}`
    else numbers[name] = kind === 'length' ? Math.round(Number(trimmed) * 1000) : Number(trimmed)
  }
  return value
}
