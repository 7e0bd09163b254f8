/**
 * The time line of a case as lanes: recordings by device, what was noted, what is missing.
 *
 * Times are case milliseconds (corrected device times).  Two recordings of one device that overlap
 * by more than a second stand in two lanes; of less the earlier one is shown to its end.
 */

export type Kind = 'video' | 'audio' | 'photo' | 'other'

export interface Segment {
  item: string
  start: number
  end: number
  uncertainty: number
  kind: Kind
  late: boolean
  marks: readonly string[]
}

export interface Lane {
  key: string
  device: string | null
  carrier: string
  kind: Kind
  person: string | null
  segments: Segment[]
}

export interface Moment {
  at: number
  label: string
  index: number
  uncertainty: number
}

export interface Span {
  start: number
  end: number
  label: string
}

export interface Gap extends Span {
  state: 'explained' | 'unexplained' | 'below_threshold'
  asked: boolean
  rule: string
}

export interface Model {
  from: number
  to: number
  lanes: Lane[]
  stages: Span[]
  points: Moment[]
  documents: Moment[]
  holes: Gap[]
  untimed: string[]
}

interface Told {
  at: string
  label: string
  index: number
}

export interface Answer {
  columns: string[]
  people: string[]
  devices: string[]
  recordings: unknown[][]
  untimed: string[]
  stages: (Told & { exit_text: string | null })[]
  points: (Told & { replaced: boolean; uncertainty_ms: number })[]
  documents: Told[]
  holes: { start: string; end: string; state: Gap['state']; asked: boolean; text: string; rule?: string }[]
}

/** A camera that begins a new file often stamps it with whole seconds: so much of both is no second picture. */
const OVERLAP_MS = 1000
const KINDS: readonly Kind[] = ['video', 'audio', 'photo', 'other']
const ORDER: Record<Kind, number> = { video: 0, audio: 1, photo: 2, other: 3 }

/** The first segment that ends after `at`: binary search, segments in order and apart. */
export function firstEndingAfter(segments: readonly Segment[], at: number): number {
  let [low, high] = [0, segments.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((segments[middle]?.end ?? 0) <= at) low = middle + 1
    else high = middle
  }
  return low
}

/** What a lane shows at a moment; null in a gap. */
export function segmentAt(lane: Lane, at: number): Segment | null {
  const found = lane.segments[firstEndingAfter(lane.segments, at)]
  return found !== undefined && found.start <= at ? found : null
}

/** What is pointed at: what a lane shows there, else the nearest within `reach`, since a photo lasts no time. */
export function segmentNear(lane: Lane, at: number, reach: number): Segment | null {
  const found = segmentAt(lane, at)
  if (found !== null) return found
  const place = firstEndingAfter(lane.segments, at)
  let best: Segment | null = null
  for (const one of lane.segments.slice(Math.max(0, place - 1), place + 1)) {
    const off = Math.max(one.start - at, at - one.end)
    if (off <= reach && (best === null || off < Math.max(best.start - at, at - best.end))) best = one
  }
  return best
}

/** The next moment from `at` on at which any of the lanes shows something; null: none. */
export function nextRecorded(lanes: readonly Lane[], at: number): number | null {
  let found: number | null = null
  for (const lane of lanes) {
    const segment = lane.segments[firstEndingAfter(lane.segments, at)]
    if (segment !== undefined) {
      const start = Math.max(segment.start, at)
      if (found === null || start < found) found = start
    }
  }
  return found
}

/** The gaps of a lane between its first and its last recording, those from `least` ms on. */
export function gapsOf(lane: Lane, least = 1000): Span[] {
  const found: Span[] = []
  for (let n = 1; n < lane.segments.length; n += 1) {
    const [start, end] = [lane.segments[n - 1]?.end ?? 0, lane.segments[n]?.start ?? 0]
    if (end - start >= least) found.push({ start, end, label: '' })
  }
  return found
}

/** The recordings around a moment, and those that follow each other closer than `apart`. */
export function sceneAround(lanes: readonly Lane[], at: number, apart = 600_000): { start: number; end: number } | null {
  const all = lanes.flatMap((lane) => lane.segments).sort((a, b) => a.start - b.start)
  let found: { start: number; end: number } | null = null
  let best = Infinity
  let scene: { start: number; end: number } | null = null
  const judge = (): void => {
    if (scene === null) return
    const far = at < scene.start ? scene.start - at : at > scene.end ? at - scene.end : 0
    if (far < best) [best, found] = [far, scene]
  }
  for (const one of all) {
    if (scene !== null && one.start - scene.end <= apart) scene.end = Math.max(scene.end, one.end)
    else {
      judge()
      scene = { start: one.start, end: one.end }
    }
  }
  judge()
  return found
}

function laneKey(device: string | null, kind: Kind, row: number): string {
  return `${device ?? 'unknown'} ${kind}${row === 0 ? '' : ` ${row}`}`
}

/** «2» of a device's second lane of its kind; empty of the first. */
export const rowOf = (lane: Lane): string => {
  const found = / (\d+)$/.exec(lane.key)
  return found === null ? '' : String(Number(found[1]) + 1)
}

/** Lanes from rows of `columns`; unknown kinds count as other. */
export function lanesOf(answer: Pick<Answer, 'columns' | 'recordings' | 'people' | 'devices'>): Lane[] {
  const at = Object.fromEntries(answer.columns.map((name, place) => [name, place]))
  const read = (row: unknown[], name: string): unknown => row[at[name] ?? -1]
  const segments = answer.recordings.map((row) => {
    const said = read(row, 'kind') as Kind
    const device = read(row, 'device')
    const person = read(row, 'person')
    const start = Number(read(row, 'start_ms'))
    const marks = read(row, 'marks')
    return {
      device: typeof device === 'number' ? (answer.devices[device] ?? null) : null,
      person: typeof person === 'number' ? (answer.people[person] ?? null) : null,
      carrier: String(read(row, 'carrier') ?? 'unknown'),
      segment: {
        item: String(read(row, 'item')), start, end: Math.max(start, Number(read(row, 'end_ms') ?? start)),
        uncertainty: Number(read(row, 'uncertainty_ms') ?? 0), kind: KINDS.includes(said) ? said : 'other',
        late: Array.isArray(read(row, 'late')), marks: Array.isArray(marks) ? marks.map(String) : [],
      } satisfies Segment,
    }
  })
  segments.sort((a, b) => a.segment.start - b.segment.start)
  const lanes = new Map<string, Lane>()
  for (const { device, person, carrier, segment } of segments) {
    for (let row = 0; ; row += 1) {
      const key = laneKey(device, segment.kind, row)
      const lane = lanes.get(key)
      const last = lane?.segments.at(-1)
      if (last !== undefined && last.end - segment.start > Math.min(OVERLAP_MS, (segment.end - segment.start) / 2)) continue
      if (lane === undefined) lanes.set(key, { key, device, carrier, kind: segment.kind, person, segments: [segment] })
      else lane.segments.push(segment)
      break
    }
  }
  return [...lanes.values()].sort(
    (a, b) => ORDER[a.kind] - ORDER[b.kind] || (a.segments[0]?.start ?? 0) - (b.segments[0]?.start ?? 0),
  )
}

/** The whole model; its bounds are those of all it shows, a little widened, and never empty. */
export function modelOf(answer: Answer, now: number): Model {
  const lanes = lanesOf(answer)
  const points = answer.points
    .filter((one) => !one.replaced)
    .map((one) => ({ at: Date.parse(one.at), label: one.label, index: one.index, uncertainty: one.uncertainty_ms }))
  const documents = answer.documents.map((one) => ({ at: Date.parse(one.at), label: one.label, index: one.index, uncertainty: 0 }))
  const entered = answer.stages.map((one) => ({ at: Date.parse(one.at), label: one.exit_text ?? one.label })).sort((a, b) => a.at - b.at)
  const stages = entered.map((one, n) => ({ start: one.at, end: entered[n + 1]?.at ?? Math.max(now, one.at), label: one.label }))
  const holes = answer.holes.map((one) => ({
    start: Date.parse(one.start), end: Date.parse(one.end), label: one.text, state: one.state, asked: one.asked, rule: one.rule ?? '',
  }))
  const recorded = lanes.flatMap((lane) => [lane.segments[0]?.start ?? Infinity, lane.segments.reduce((end, one) => Math.max(end, one.end), -Infinity)])
  const shown = [...recorded, ...points.map((one) => one.at), ...holes.flatMap((one) => [one.start, one.end])].filter(Number.isFinite)
  const all = shown.length > 0 ? shown : [...documents.map((one) => one.at), ...entered.map((one) => one.at)]
  const [first, last] = all.length > 0 ? [all.reduce((a, b) => Math.min(a, b)), all.reduce((a, b) => Math.max(a, b))] : [now - 60_000, now]
  const room = Math.max(2000, (last - first) * 0.02)
  return { from: first - room, to: last + room, lanes, stages, points, documents, holes, untimed: answer.untimed }
}
