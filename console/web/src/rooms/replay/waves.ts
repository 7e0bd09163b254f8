/** Waveforms of the recordings that are seen, a few asked for at a time. */
import { parsePeaks, type Level } from './peaks'

const AT_ONCE = 4

export class Waves {
  private readonly known = new Map<string, Level[] | null>()
  private asking = 0

  constructor(private readonly changed: () => void) {}

  /** Its levels; null while they are fetched, or where there are none. */
  of(item: string): Level[] | null {
    const known = this.known.get(item)
    if (known !== undefined) return known
    if (this.asking >= AT_ONCE) return null
    this.asking += 1
    this.known.set(item, null)
    void fetch(`/api/items/${item}/peaks`, { credentials: 'same-origin' })
      .then(async (answer) => (answer.ok ? parsePeaks(await answer.arrayBuffer()) : null))
      .catch(() => null)
      .then((levels) => {
        this.asking -= 1
        this.known.set(item, levels)
        this.changed()
      })
    return null
  }
}
