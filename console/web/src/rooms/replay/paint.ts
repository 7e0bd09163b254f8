/** Draws the time line on a canvas: only what is seen, as fast as the eye scrubs. */
import { extent, levelFor, loudest, type Level } from './peaks'
import { firstEndingAfter, gapsOf, type Lane, type Model } from './lanes'
import { ticks, toX, type View } from './scale'

export interface MarkSpan {
  id: string
  start: number
  end: number
  text: string
  category: string
}

export interface Scene {
  model: Model
  lanes: readonly Lane[]
  marks: readonly MarkSpan[]
  view: View
  now: number
  offset: number
  range: { from: number | null; to: number | null }
  /** Keys of lanes on the stage, and of the one that is heard. */
  staged: ReadonlySet<string>
  sound: string | null
  waves: (item: string) => Level[] | null
  label: (at: number, step: 'date' | 'time') => string
}

export const ROWS = { ruler: 22, stages: 20, events: 22, marks: 20, video: 30, audio: 40, photo: 24, other: 24 } as const

export const rowHeight = (lane: Lane): number => ROWS[lane.kind]
export const headHeight = (): number => ROWS.ruler + ROWS.stages + ROWS.events + ROWS.marks
export const heightOf = (lanes: readonly Lane[]): number => lanes.reduce((sum, lane) => sum + rowHeight(lane), 0)

/** The lane under a height of their canvas; null above and below them. */
export function laneAtY(lanes: readonly Lane[], y: number): Lane | null {
  let top = 0
  for (const lane of lanes) {
    if (y >= top && y < top + rowHeight(lane)) return lane
    top += rowHeight(lane)
  }
  return null
}

const C = {
  ink: '#1b2430', soft: '#556170', line: '#d8dde3', hair: '#eef0f2', accent: '#17497a', bar: '#5d80a2', barOn: '#17497a', late: '#b08a2e',
  bad: '#9b2c22', badSoft: 'rgb(155 44 34 / .10)', gap: '#c9cfd6', wave: '#35597c', mark: '#7a5a12', point: '#1f5f3f', now: '#c0392b',
}

let hatches: { context: CanvasRenderingContext2D; gap: CanvasPattern | null; hole: CanvasPattern | null } | null = null

function hatch(context: CanvasRenderingContext2D, colour: string): CanvasPattern | null {
  const tile = document.createElement('canvas')
  tile.width = 8
  tile.height = 8
  const paint = tile.getContext('2d')
  if (paint === null) return null
  paint.strokeStyle = colour
  paint.lineWidth = 1.3
  paint.beginPath()
  for (const at of [-8, 0, 8]) {
    paint.moveTo(at, 8)
    paint.lineTo(at + 8, 0)
  }
  paint.stroke()
  return context.createPattern(tile, 'repeat')
}

function patterns(context: CanvasRenderingContext2D): { gap: CanvasPattern | null; hole: CanvasPattern | null } {
  if (hatches?.context !== context) hatches = { context, gap: hatch(context, C.gap), hole: hatch(context, C.bad) }
  return hatches
}

/** The playhead: a line through everything, with a hand to grasp it by in the head. */
function playhead(context: CanvasRenderingContext2D, scene: Scene, width: number, height: number, hand: boolean): void {
  const at = Math.round(toX(scene.view, width, scene.now)) + 0.5
  context.strokeStyle = C.now
  context.lineWidth = 1.5
  context.beginPath()
  context.moveTo(at, 0)
  context.lineTo(at, height)
  context.stroke()
  if (!hand) return
  context.fillStyle = C.now
  context.beginPath()
  context.moveTo(at - 5, 0)
  context.lineTo(at + 5, 0)
  context.lineTo(at, 7)
  context.fill()
}

/** What stands above the lanes whatever is scrolled: the ruler, stages, points and documents, marks. */
export function paintHead(context: CanvasRenderingContext2D, scene: Scene, width: number): void {
  const height = headHeight()
  context.clearRect(0, 0, width, height)
  context.textBaseline = 'middle'
  ruler(context, scene, width, height)
  stages(context, scene, width)
  for (const hole of scene.model.holes) {
    if (hole.end < scene.view.from || hole.start > scene.view.to || hole.state === 'below_threshold') continue
    const from = toX(scene.view, width, hole.start)
    context.fillStyle = C.bad
    context.fillRect(from, height - 3, Math.max(2, toX(scene.view, width, hole.end) - from), 3)
  }
  marks(context, scene, width)
  events(context, scene, width)
  range(context, scene, width, height)
  playhead(context, scene, width, height, true)
}

/** The lanes between two heights of their canvas: those that are scrolled away cost nothing. */
export function paintLanes(context: CanvasRenderingContext2D, scene: Scene, width: number, height: number, seen: { top: number; bottom: number }): void {
  const { view, model } = scene
  const x = (at: number): number => toX(view, width, at)
  context.clearRect(0, 0, width, height)
  context.textBaseline = 'middle'
  context.fillStyle = C.hair
  for (const at of ticks(view, width, scene.offset)) context.fillRect(Math.round(x(at)), 0, 1, height)
  let top = 0
  for (const lane of scene.lanes) {
    const high = rowHeight(lane)
    if (top + high > seen.top && top < seen.bottom) laneRow(context, scene, lane, top, width)
    top += high
  }
  for (const hole of model.holes) {
    if (hole.end < view.from || hole.start > view.to || hole.state === 'below_threshold') continue
    const [from, wide] = [x(hole.start), Math.max(2, x(hole.end) - x(hole.start))]
    context.fillStyle = C.badSoft
    context.fillRect(from, 0, wide, top)
    context.fillStyle = patterns(context).hole ?? C.bad
    context.globalAlpha = hole.state === 'explained' ? 0.25 : 0.55
    context.fillRect(from, 0, wide, top)
    context.globalAlpha = 1
  }
  context.fillStyle = C.point
  context.globalAlpha = 0.25
  for (const one of model.points) context.fillRect(x(one.at) - 0.5, 0, 1, top)
  context.globalAlpha = 1
  range(context, scene, width, height)
  playhead(context, scene, width, height, false)
}

function ruler(context: CanvasRenderingContext2D, scene: Scene, width: number, height: number): void {
  const { view } = scene
  context.fillStyle = '#fafbfc'
  context.fillRect(0, 0, width, ROWS.ruler)
  context.font = '12px sans-serif'
  context.textAlign = 'left'
  let day = ''
  for (const at of ticks(view, width, scene.offset)) {
    const place = Math.round(toX(view, width, at)) + 0.5
    context.strokeStyle = C.hair
    context.lineWidth = 1
    context.beginPath()
    context.moveTo(place, ROWS.ruler)
    context.lineTo(place, height)
    context.stroke()
    context.fillStyle = C.soft
    const today = scene.label(at, 'date')
    const text = scene.label(at, 'time')
    const said = today === day ? text : `${today.slice(5)} ${text}`
    if (place + 3 + context.measureText(said).width <= width) context.fillText(said, place + 3, ROWS.ruler / 2)
    context.fillRect(place, ROWS.ruler - 5, 1, 5)
    day = today
  }
}

function stages(context: CanvasRenderingContext2D, scene: Scene, width: number): void {
  const top = ROWS.ruler
  scene.model.stages.forEach((stage, n) => {
    const [from, to] = [Math.max(0, toX(scene.view, width, stage.start)), Math.min(width, toX(scene.view, width, stage.end))]
    if (to <= 0 || from >= width) return
    context.fillStyle = n % 2 === 0 ? '#e8eff6' : '#dbe6f0'
    context.fillRect(from, top + 1, to - from, ROWS.stages - 2)
    clipped(context, stage.label, from + 5, top + ROWS.stages / 2, to - from - 8, C.accent)
  })
}

/** `text`, or as much of it as has room, with «…». */
function fitted(context: CanvasRenderingContext2D, text: string, room: number): string {
  if (context.measureText(text).width <= room) return text
  let length = text.length - 1
  while (length > 0 && context.measureText(`${text.slice(0, length)}…`).width > room) length -= 1
  return length > 0 ? `${text.slice(0, length)}…` : ''
}

function clipped(context: CanvasRenderingContext2D, text: string, left: number, middle: number, room: number, colour: string): void {
  if (room < 14) return
  context.save()
  context.beginPath()
  context.rect(left, middle - 12, room, 24)
  context.clip()
  context.fillStyle = colour
  context.font = '12px sans-serif'
  context.textAlign = 'left'
  context.fillText(fitted(context, text, room), left, middle + 0.5)
  context.restore()
}

function laneRow(context: CanvasRenderingContext2D, scene: Scene, lane: Lane, top: number, width: number): void {
  const { view } = scene
  const high = rowHeight(lane)
  const x = (at: number): number => toX(view, width, at)
  context.fillStyle = C.line
  context.fillRect(0, top + high - 1, width, 1)
  const staged = scene.staged.has(lane.key) || scene.sound === lane.key
  const perPixel = (view.to - view.from) / Math.max(1, width)
  const still = lane.kind === 'photo' // nothing is missing between two photos
  if (perPixel < 60_000 && !still) {
    context.fillStyle = patterns(context).gap ?? C.gap
    for (const gap of gapsOf(lane, perPixel * 3)) {
      if (gap.end < view.from || gap.start > view.to) continue
      context.fillRect(Math.max(0, x(gap.start)), top + 5, Math.min(width, x(gap.end)) - Math.max(0, x(gap.start)), high - 11)
    }
  }
  let drawnTo = -1
  for (let n = firstEndingAfter(lane.segments, view.from); n < lane.segments.length; n += 1) {
    const segment = lane.segments[n]
    if (segment === undefined || segment.start > view.to) break
    const room = still ? 3 : 0 // a photo lasts no time, and is to be seen and met
    const [from, to] = [Math.max(-2, x(segment.start) - room), Math.min(width + 2, Math.max(x(segment.end), x(segment.start) + 2) + room)]
    if (to <= drawnTo) continue // already under a pixel of the one before
    drawnTo = to
    context.fillStyle = segment.late ? C.late : staged ? C.barOn : C.bar
    if (lane.kind === 'audio') {
      context.globalAlpha = 0.14
      context.fillRect(from, top + 3, to - from, high - 7)
      context.globalAlpha = 1
      wave(context, scene, segment.item, segment.start, top, high, from, to, width)
    } else context.fillRect(from, top + 5, to - from - (to - from > 4 ? 1 : 0), high - 11)
    if (segment.uncertainty > perPixel * 3) {
      context.fillStyle = C.ink
      context.globalAlpha = 0.35
      for (const edge of [segment.start, segment.end]) context.fillRect(x(edge - segment.uncertainty), top + high / 2, x(edge + segment.uncertainty) - x(edge - segment.uncertainty), 1.5)
      context.globalAlpha = 1
    }
  }
}

function wave(context: CanvasRenderingContext2D, scene: Scene, item: string, start: number, top: number, high: number, from: number, to: number, width: number): void {
  if (to - from < 12) return
  const levels = scene.waves(item)
  if (levels === null) return
  const seconds = (scene.view.to - scene.view.from) / 1000 / Math.max(1, width)
  const level = levelFor(levels, seconds)
  if (level === undefined) return
  const most = loudest(levels.slice(-1))
  const middle = top + (high - 1) / 2
  context.fillStyle = C.wave
  for (let px = Math.max(0, Math.floor(from)); px < Math.min(width, to); px += 1) {
    const at = (scene.view.from + px * seconds * 1000 - start) / 1000
    const [low, peak] = extent(level, at, at + seconds)
    const [up, down] = [(peak / most) * (high / 2 - 4), (-low / most) * (high / 2 - 4)]
    context.fillRect(px, middle - Math.min(up, high / 2 - 3), 1, Math.max(1, Math.min(up, high / 2 - 3) + Math.min(down, high / 2 - 3)))
  }
}

function events(context: CanvasRenderingContext2D, scene: Scene, width: number): void {
  const middle = ROWS.ruler + ROWS.stages + ROWS.events / 2
  const all = [
    ...scene.model.points.map((one) => ({ ...one, sort: 'point' as const })),
    ...scene.model.documents.map((one) => ({ ...one, sort: 'document' as const })),
  ].sort((a, b) => a.at - b.at)
  let free = -Infinity
  all.forEach((one, n) => {
    const place = toX(scene.view, width, one.at)
    if (place < -4 || place > width + 4) return
    context.fillStyle = one.sort === 'point' ? C.point : C.accent
    if (one.sort === 'point') {
      context.beginPath()
      context.arc(place, middle, 4, 0, 7)
      context.fill()
      context.globalAlpha = 0.25
      context.fillRect(place - 0.5, middle + 5, 1, headHeight() - middle)
      context.globalAlpha = 1
    } else context.fillRect(place - 3.5, middle - 4.5, 7, 9)
    const next = all.slice(n + 1).find((other) => other.at > one.at)
    const room = Math.min((next === undefined ? width : toX(scene.view, width, next.at)) - place - 10, 170)
    if (place + 7 >= free && room > 24) {
      clipped(context, one.label, place + 7, middle, room, C.ink)
      free = place + 7 + Math.min(room, context.measureText(one.label).width)
    }
  })
}

function marks(context: CanvasRenderingContext2D, scene: Scene, width: number): void {
  const top = ROWS.ruler + ROWS.stages + ROWS.events
  let free = -Infinity
  for (const mark of scene.marks) {
    const [from, to] = [toX(scene.view, width, mark.start), toX(scene.view, width, mark.end)]
    if (to < -4 || from > width + 4) continue
    context.fillStyle = C.mark
    context.globalAlpha = 0.22
    context.fillRect(from, top + 3, Math.max(3, to - from), ROWS.marks - 6)
    context.globalAlpha = 1
    context.fillRect(from, top + 3, 3, ROWS.marks - 6)
    if (from + 6 < free) continue // its words would lie over those before: pointing at it tells them
    const room = Math.max(60, to - from - 8)
    clipped(context, mark.text, from + 6, top + ROWS.marks / 2, room, C.mark)
    free = from + 6 + room
  }
}

function range(context: CanvasRenderingContext2D, scene: Scene, width: number, height: number): void {
  const { from, to } = scene.range
  if (from === null && to === null) return
  const left = from === null ? 0 : toX(scene.view, width, from)
  const right = to === null ? toX(scene.view, width, scene.now) : toX(scene.view, width, to)
  context.fillStyle = 'rgb(23 73 122 / .10)'
  context.fillRect(left, 0, right - left, height)
  context.fillStyle = C.accent
  for (const place of [from === null ? null : left, to === null ? null : right]) if (place !== null) context.fillRect(place - 1, 0, 2, height)
}

/** The strip below: the whole case, and the part of it that is seen. */
export function paintOverview(context: CanvasRenderingContext2D, scene: Scene, width: number, height: number): void {
  const whole: View = { from: scene.model.from, to: scene.model.to }
  const x = (at: number): number => toX(whole, width, at)
  context.clearRect(0, 0, width, height)
  context.fillStyle = '#fafbfc'
  context.fillRect(0, 0, width, height)
  const each = Math.max(1.5, (height - 6) / Math.max(1, scene.lanes.length))
  scene.lanes.forEach((lane, n) => {
    context.fillStyle = lane.kind === 'audio' ? '#9db4ca' : C.bar
    let drawn = -1
    for (const segment of lane.segments) {
      const [from, to] = [x(segment.start), Math.max(x(segment.start) + 1, x(segment.end))]
      if (to <= drawn) continue
      drawn = to
      context.fillRect(from, 3 + n * each, to - from, Math.max(1, each - 1))
    }
  })
  context.fillStyle = C.bad
  for (const hole of scene.model.holes) if (hole.state === 'unexplained') context.fillRect(x(hole.start), 0, Math.max(2, x(hole.end) - x(hole.start)), 3)
  const [from, to] = [x(scene.view.from), x(scene.view.to)]
  context.fillStyle = 'rgb(23 73 122 / .12)'
  context.fillRect(from, 0, to - from, height)
  context.strokeStyle = C.accent
  context.lineWidth = 1
  context.strokeRect(from + 0.5, 0.5, Math.max(3, to - from - 1), height - 1)
  context.fillStyle = C.now
  context.fillRect(x(scene.now) - 0.75, 0, 1.5, height)
}
