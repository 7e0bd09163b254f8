/** Times, lengths and sizes as people read them.  Times are in the server's zone, never the browser's. */

export type Instant = number | string

const kept = new Map<string, Intl.DateTimeFormat>()

function formatter(zone: string): Intl.DateTimeFormat {
  let found = kept.get(zone)
  if (found === undefined) {
    found = new Intl.DateTimeFormat('en-GB', {
      timeZone: zone, hourCycle: 'h23', year: 'numeric', month: '2-digit', day: '2-digit',
      hour: '2-digit', minute: '2-digit', second: '2-digit',
    })
    kept.set(zone, found)
  }
  return found
}

/** Milliseconds of an instant that the API tells as text or number; NaN if it is none. */
export const millis = (at: Instant): number => (typeof at === 'number' ? at : Date.parse(at))

export interface Clock {
  date: string
  time: string
  fraction: string
}

/** Date and wall clock of an instant in a zone. */
export function clock(at: Instant, zone: string): Clock {
  const ms = millis(at)
  const parts = Object.fromEntries(formatter(zone).formatToParts(ms).map((p) => [p.type, p.value]))
  return {
    date: `${parts.year}-${parts.month}-${parts.day}`,
    time: `${parts.hour}:${parts.minute}:${parts.second}`,
    fraction: String(Math.floor(((ms % 1000) + 1000) % 1000)).padStart(3, '0'),
  }
}

/** `2026-11-27 09:35:42` */
export function dateTime(at: Instant, zone: string): string {
  if (Number.isNaN(millis(at))) return String(at)
  const { date, time } = clock(at, zone)
  return `${date} ${time}`
}

/** `1:02:03` or `2:03`: a length, rounded down to seconds. */
export function duration(ms: number): string {
  const all = Math.floor(Math.abs(ms) / 1000)
  const [h, m, s] = [Math.floor(all / 3600), Math.floor(all / 60) % 60, all % 60]
  const two = (n: number): string => String(n).padStart(2, '0')
  return `${ms < 0 ? '−' : ''}${h > 0 ? `${h}:${two(m)}` : m}:${two(s)}`
}

/** `4.2 MB`: decimal units, as drives are sold and footage is counted. */
export function size(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let [value, unit] = [bytes, 0]
  while (value >= 1000 && unit < units.length - 1) [value, unit] = [value / 1000, unit + 1]
  const digits = unit === 0 || value >= 100 ? 0 : 1
  return `${value.toFixed(digits)} ${units[unit]}`
}

/** `12 345` with thin spaces: numbers of a count. */
export const grouped = (n: number): string =>
  String(n).replace(/\B(?=(\d{3})+(?!\d))/g, '\u2009')

/** Control and direction characters made visible, so that a name cannot pretend to be another. */
export const visible = (text: string): string =>
  text.replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g, (c) =>
    c === '\n' || c === '\t' ? c : `⟨${c.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}⟩`,
  )

/** What a `datetime-local` field holds for an instant, in a zone. */
export function toField(at: Instant, zone: string): string {
  const { date, time } = clock(at, zone)
  return `${date}T${time}`
}

/** The instant (ISO, UTC) of a wall clock in a zone; of two in autumn the first. Null: not a time. */
export function fromField(text: string, zone: string): string | null {
  const parts = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d))?(?:\.(\d{1,3}))?$/.exec(text)
  if (parts === null) return null
  const [year, month, day, hour, minute, second] = parts.slice(1, 7).map((p) => Number(p ?? 0))
  const fraction = Number((parts[7] ?? '0').padEnd(3, '0'))
  const wall = Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second)
  const offset = (ms: number): number => {
    const { date, time } = clock(ms, zone)
    return Date.parse(`${date}T${time}Z`) - ms
  }
  let ms = wall - offset(wall)
  ms = wall - offset(ms)
  return Number.isNaN(ms) ? null : new Date(ms + fraction).toISOString()
}
