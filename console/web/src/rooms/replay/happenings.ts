/** What happened in a case, as one list in the order of time: what one jumps to by key or by name. */
import { duration } from '@/common/format'
import type { Lane, Model } from './lanes'
import type { MarkSpan } from './paint'

export interface Happening {
  at: number
  label: string
  kind: 'stage' | 'point' | 'document' | 'hole' | 'start' | 'mark'
  key: string
  note?: string
}

const MOST_STARTS = 400

/** `hole` puts a missing time in words; beginnings of recordings are left out where there are too many. */
export function happeningsOf(model: Model, marks: readonly MarkSpan[], nameOf: (lane: Lane) => string, hole: (ms: number) => string): Happening[] {
  const recorded = model.lanes.reduce((sum, lane) => sum + lane.segments.length, 0)
  const starts: Happening[] = recorded >= MOST_STARTS ? [] : model.lanes.flatMap((lane) => lane.segments.map((one) => (
    { at: one.start, label: nameOf(lane), kind: 'start', key: one.item, note: duration(one.end - one.start) })))
  const all: Happening[] = [
    ...model.stages.filter((one) => one.start >= model.from).map((one) => ({ at: one.start, label: one.label, kind: 'stage' as const, key: `s${one.start}` })),
    ...model.points.map((one) => ({ at: one.at, label: one.label, kind: 'point' as const, key: `p${one.index}` })),
    ...model.documents.map((one) => ({ at: one.at, label: one.label, kind: 'document' as const, key: `d${one.index}` })),
    ...model.holes.filter((one) => one.state !== 'below_threshold').map((one) => (
      { at: one.start, label: hole(one.end - one.start), kind: 'hole' as const, key: `h${one.start}${one.rule}`, note: one.label })),
    ...marks.map((one) => ({ at: one.start, label: one.text, kind: 'mark' as const, key: `m${one.id}` })),
    ...starts,
  ]
  return all.sort((a, b) => a.at - b.at)
}
