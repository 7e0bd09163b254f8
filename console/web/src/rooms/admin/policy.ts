/** A policy as rows: nested names joined by dots. */
export function flat(value: Record<string, unknown>, before = ''): [string, string][] {
  return Object.entries(value).flatMap(([name, one]): [string, string][] => {
    const path = before === '' ? name : `${before}.${name}`
    if (typeof one === 'object' && one !== null && !Array.isArray(one)) return flat(one as Record<string, unknown>, path)
    return [[path, Array.isArray(one) ? one.map((part) => (typeof part === 'object' ? JSON.stringify(part) : String(part))).join(', ') : String(one)]]
  })
}

/** Which numbers are others than in `before`. */
export function changed(before: Record<string, unknown>, after: Record<string, unknown>): Set<string> {
  const [old, fresh] = [new Map(flat(before)), new Map(flat(after))]
  return new Set([...old.keys(), ...fresh.keys()].filter((name) => old.get(name) !== fresh.get(name)))
}
