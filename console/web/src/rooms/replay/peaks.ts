/** The waveform of a recording (docs/formats/peaks.md). */

export interface Level {
  /** Pairs for each second. */
  rate: number
  count: number
  /** Lowest and highest value of each pair. */
  pairs: Int8Array
}

/** Levels from finest to coarsest; an Error for bytes that are no peaks. */
export function parsePeaks(buffer: ArrayBuffer): Level[] {
  const bytes = new Uint8Array(buffer)
  const magic = String.fromCharCode(...bytes.subarray(0, 8))
  if (magic !== 'LHPEAKS1') throw new Error(`peaks: expected LHPEAKS1, got ${JSON.stringify(magic)}`)
  const view = new DataView(buffer)
  const levels: Level[] = []
  for (let n = 0; n < view.getUint32(8, true); n += 1) {
    const at = 12 + 12 * n
    const [rate, count, first] = [view.getUint32(at, true), view.getUint32(at + 4, true), view.getUint32(at + 8, true)]
    levels.push({ rate, count, pairs: new Int8Array(buffer, first, count * 2) })
  }
  return levels.sort((a, b) => b.rate - a.rate)
}

/** The loudest value: quiet recordings are drawn taller, silence is not. */
export const loudest = (levels: readonly Level[]): number =>
  (levels[0]?.pairs ?? new Int8Array()).reduce((most, value) => Math.max(most, Math.abs(value)), 20)

/** The coarsest level that still has a pair for `secondsPerPixel`. */
export const levelFor = (levels: readonly Level[], secondsPerPixel: number): Level | undefined =>
  [...levels].reverse().find((level) => level.rate * secondsPerPixel >= 1) ?? levels[0]

/** Lowest and highest between two seconds of the recording. */
export function extent(level: Level, from: number, to: number): [number, number] {
  const first = Math.max(0, Math.floor(from * level.rate))
  const last = Math.min(level.count, Math.max(first + 1, Math.floor(to * level.rate)))
  let [low, high] = [0, 0]
  for (let n = first; n < last; n += 1) {
    low = Math.min(low, level.pairs[2 * n] ?? 0)
    high = Math.max(high, level.pairs[2 * n + 1] ?? 0)
  }
  return [low, high]
}
