/**
 * What a file's place and name say of a recording, in the layouts of devices that are known.
 *
 * Promised: nothing is left out silently: a file is either taken (known layout or not) or named as
 * ignored with its reason.  What is read here only helps a person to check; the server reads the
 * name itself and decides by its registers.
 */

export type Ignored = 'system' | 'hidden' | 'index'

export interface Understood {
  /** Code of the device in the name, such as DSJL907. */
  device: string | null
  /** User's code in the device. */
  user: string | null
  /** Wall clock of the device, `YYYY-MM-DDTHH:MM:SS`, as it stands in the name. */
  start: string | null
  kind: 'video' | 'audio' | 'photo' | 'other'
  layout: string | null
  ignored: Ignored | null
}

const SYSTEM = /^(\.DS_Store|Thumbs\.db|desktop\.ini|\$RECYCLE\.BIN|System Volume Information|\.Spotlight-V100|\.Trashes|\.fseventsd|IndexerVolumeGuid|WPSettings\.dat)$/i
const KINDS: readonly [RegExp, Understood['kind']][] = [
  [/\.(mp4|mov|m4v|mkv|avi|ts|mts|m2ts|mpg|mpeg|dav|264|265|h264|h265|hevc|flv|wmv|webm|3gp|ps|asf)$/i, 'video'],
  [/\.(wav|mp3|m4a|aac|amr|ogg|oga|opus|flac|wma|aiff?)$/i, 'audio'],
  [/\.(jpe?g|png|bmp|webp|heic|heif|tiff?|gif)$/i, 'photo'],
]

/** Names of the law-enforcement recorders' standard and of the makers that follow it closely. */
const NAMES: readonly { layout: string; form: RegExp; parts: readonly ('device' | 'user' | 'day' | 'time' | '')[] }[] = [
  { layout: 'recorder', form: /^([A-Z]{1,4}[A-Z0-9]{2,12})_(\d{4,8})_(\d{8})(\d{6})_(\d{2,6})\./i, parts: ['device', 'user', 'day', 'time', ''] },
  { layout: 'recorder', form: /^([A-Z]{2,4}\d{3,12})@(\d{4,8})_(\d{8})(\d{6})/i, parts: ['device', 'user', 'day', 'time'] },
  { layout: 'date', form: /^(?:VID|IMG|AUD|REC|MOV|PXL)?[_-]?(\d{8})[_-](\d{6})/i, parts: ['day', 'time'] },
  { layout: 'camera', form: /^([A-Za-z0-9-]{3,24})[_-](\d{8})(\d{6})[_.-]/, parts: ['device', 'day', 'time'] },
]

/** A day and a time of digits as a wall clock; null if there is no such moment. */
export function wallClock(day: string, time: string): string | null {
  const text = `${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6, 8)}T${time.slice(0, 2)}:${time.slice(2, 4)}:${time.slice(4, 6)}`
  const ms = Date.parse(`${text}Z`)
  if (Number.isNaN(ms) || new Date(ms).toISOString().slice(0, 19) !== text) return null
  const year = Number(day.slice(0, 4))
  return year >= 2000 && year <= 2100 ? text : null
}

/** What `path` (with folders, `/` between) says. */
export function understand(path: string): Understood {
  const parts = path.split('/')
  const name = parts.at(-1) ?? path
  const kind = KINDS.find(([form]) => form.test(name))?.[1] ?? 'other'
  const nothing: Understood = { device: null, user: null, start: null, kind, layout: null, ignored: null }
  if (parts.some((part) => SYSTEM.test(part))) return { ...nothing, ignored: 'system' }
  if (name.startsWith('._') || name === '.nomedia') return { ...nothing, ignored: 'hidden' }
  for (const { layout, form, parts: said } of NAMES) {
    const match = form.exec(name)
    if (match === null) continue
    const found: Record<string, string> = {}
    said.forEach((part, n) => {
      if (part !== '') found[part] = match[n + 1] ?? ''
    })
    const start = wallClock(found.day ?? '', found.time ?? '')
    if (start === null) continue
    return { ...nothing, device: found.device ?? null, user: found.user ?? null, start, layout }
  }
  return nothing
}
