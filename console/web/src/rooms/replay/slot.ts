/** A picture (or a sound) of the stage: what it shows, how it stands, and how long its frames last. */
import type Hls from 'hls.js'

import type { Problem, Schemas } from '@/api/client'
import { Leader } from './clock'
import type { Lane, Segment } from './lanes'
import type { Understudy } from './understudy'

export type Standing = 'gap' | 'over' | 'loading' | 'ready' | 'late' | 'converting' | 'unplayable' | 'failed'

export interface Slot {
  lane: Lane
  /** What is seen or heard now; another one takes its place without a break (`Understudy`). */
  element: HTMLMediaElement
  standing: Standing
  segment: Segment | null
  /** Of the item that is loaded, in words; for what is not playable. */
  state: Schemas['State'] | null
  /** How far its conversion is, while it is being made; what of it is there may be watched already. */
  progress: Progress | null
  live: boolean
  problem: Problem | null
}

export interface Progress {
  percent: number | null
  seconds_left: number | null
  place: number | null
  watchable_ms?: number | null
}

export interface Inner extends Slot {
  hls: Hls | null
  /** Its pieces come no more: the conversion ended, or died, or the server is away. */
  ended: boolean
  loaded: string | null
  wanted: string | null
  next: Understudy | null
  /** What was found not to be playable before its time: not asked about again and again. */
  passed: string | null
  /** Which loading is the newest: what an older one learns no longer counts. */
  turn: number
  poll: ReturnType<typeof setTimeout> | null
  asks: number
  /** When it last failed while it played: once it is loaded anew, twice it is told. */
  failedAt: number
  lateSince: number | null
  skimmedAt: number
  leader: Leader
  /** The begin of the frame that is seen, in its own seconds, and how long frames last; null: not known yet. */
  frameAt: number | null
  frames: number[]
  stop: (() => void)[]
}

export function slotOf(lane: Lane, element: HTMLMediaElement): Inner {
  return {
    lane, element, standing: 'gap', segment: null, state: null, progress: null, live: false, hls: null, ended: false, problem: null, loaded: null, wanted: null, next: null, passed: null,
    turn: 0, poll: null, asks: 0, failedAt: -Infinity, lateSince: null, skimmedAt: 0, leader: new Leader(), frameAt: null, frames: [], stop: [],
  }
}

/** How long a frame lasts until some were seen: that of most cameras here. */
const USUAL_FRAME_MS = 40
const FRAMES_KEPT = 15

/** Note which frame is seen, and how far frames are apart while it plays. */
export function watch(slot: Inner, video: HTMLVideoElement): void {
  let presented = 0
  const note = (_: number, frame: VideoFrameCallbackMetadata): void => {
    if (slot.element !== video) return void (id = video.requestVideoFrameCallback(note))
    const apart = slot.frameAt === null ? 0 : (frame.mediaTime - slot.frameAt) * 1000
    if (frame.presentedFrames === presented + 1 && !video.paused && apart > 4 && apart < 500) slot.frames = [...slot.frames.slice(1 - FRAMES_KEPT), apart]
    presented = frame.presentedFrames
    slot.frameAt = frame.mediaTime
    id = video.requestVideoFrameCallback(note)
  }
  let id = video.requestVideoFrameCallback(note)
  slot.stop.push(() => video.cancelVideoFrameCallback(id))
}

/** The case time in the middle of its next (or last) frame, seen from `at`; null where none is seen. */
export function frameFrom(slot: Inner, at: number, by: number): number | null {
  if (slot.segment === null || slot.frameAt === null) return null
  const sorted = [...slot.frames].sort((a, b) => a - b)
  const length = sorted[sorted.length >> 1] ?? USUAL_FRAME_MS
  const begin = slot.segment.start + slot.frameAt * 1000
  // Keys come faster than frames are drawn: then on from where the clock was set last.
  const from = at >= begin && at < begin + length ? begin : at - length / 2
  return from + (by + 0.5) * length
}
