/** What of the head of the time line lies under a point: stages, points, documents, marks. */
import { ROWS, type Scene } from './paint'
import { toTime, toX } from './scale'

export interface Hit {
  kind: 'stage' | 'point' | 'document' | 'mark'
  at: number
  label: string
  /** Of a mark: which. */
  id?: string
}

const REACH = 8

/** The nearest of its row; null: nothing is there. */
export function hitAt(scene: Pick<Scene, 'model' | 'marks' | 'view'>, width: number, x: number, y: number): Hit | null {
  const { view, model } = scene
  const at = toTime(view, width, x)
  if (y < ROWS.ruler) return null
  if (y < ROWS.ruler + ROWS.stages) {
    const stage = model.stages.find((one) => one.start <= at && at < one.end)
    return stage === undefined ? null : { kind: 'stage', at: stage.start, label: stage.label }
  }
  if (y < ROWS.ruler + ROWS.stages + ROWS.events) {
    const all: Hit[] = [
      ...model.points.map((one) => ({ kind: 'point' as const, at: one.at, label: one.label })),
      ...model.documents.map((one) => ({ kind: 'document' as const, at: one.at, label: one.label })),
    ]
    return nearest(all, (one) => Math.abs(toX(view, width, one.at) - x))
  }
  const found = scene.marks.filter((one) => one.start <= at && at <= one.end)
  const over = nearest(found, (one) => one.end - one.start, Infinity) ?? nearest(scene.marks, (one) => Math.abs(toX(view, width, one.start) - x))
  return over === null ? null : { kind: 'mark', at: over.start, label: over.text, id: over.id }
}

function nearest<T>(all: readonly T[], far: (one: T) => number, reach = REACH): T | null {
  let best: T | null = null
  let least = reach
  for (const one of all) {
    const found = far(one)
    if (found <= least) [best, least] = [one, found]
  }
  return best
}
