/** Small pictures along a recording (docs/formats/sprites.md): asked for when one points at it. */

export interface Sheets {
  every_ms: number
  width: number
  height: number
  columns: number
  rows: number
  count: number
}

export interface Thumb {
  src: string
  x?: number
  y?: number
  width?: number
  height?: number
}

/** Which sheet, and where on it, shows the moment `ms` after the begin of the recording. */
export function placeOf(index: Sheets, ms: number): { sheet: number; x: number; y: number } {
  const all = index.columns * index.rows
  const n = Math.min(Math.max(0, index.count - 1), Math.max(0, Math.floor(ms / index.every_ms)))
  const at = n % all
  return { sheet: Math.floor(n / all), x: (at % index.columns) * index.width, y: Math.floor(at / index.columns) * index.height }
}

/** Sheets are being made: ask again when one points there, not sooner than this. */
const PAUSE_MS = 2000

export class Thumbs {
  private readonly known = new Map<string, Sheets | null>()
  private readonly asked = new Map<string, number>()

  constructor(private readonly changed: () => void) {}

  /** The picture at or before that moment; the poster while there are no sheets (yet). */
  at(item: string, ms: number): Thumb {
    const index = this.known.get(item)
    if (index === undefined) this.ask(item)
    if (index === undefined || index === null) return { src: `/api/items/${item}/poster` }
    const { sheet, x, y } = placeOf(index, ms)
    return { src: `/api/items/${item}/sprites/${sheet}`, x, y, width: index.width, height: index.height }
  }

  private ask(item: string): void {
    const now = performance.now()
    if (now - (this.asked.get(item) ?? -Infinity) < PAUSE_MS) return
    this.asked.set(item, now)
    void fetch(`/api/items/${item}/sprites`, { credentials: 'same-origin' })
      .then(async (answer) => {
        if (answer.status === 200) this.known.set(item, (await answer.json()) as Sheets)
        else if (answer.status === 404) this.known.set(item, null) // nothing in it moves
        else if (answer.status === 202) setTimeout(this.changed, PAUSE_MS)
        this.changed()
      })
      .catch(() => undefined)
  }
}
