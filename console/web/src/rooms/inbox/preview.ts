/** Which of the small pictures along a recording stand for all of it, and where they lie on their sheets. */
import type { Schemas } from '@/api/client'
import type { paths } from '@/api/schema'

export type Sprites = paths['/api/items/{item}/sprites']['get']['responses']['200']['content']['application/json']

export interface Frame {
  /** Into the recording. */
  at_ms: number
  sheet: number
  x: number
  y: number
}

/** At most `most` pictures, evenly from the first to the last. */
export function frames(of: Sprites, most: number): Frame[] {
  const n = Math.min(most, of.count)
  return Array.from({ length: n }, (_, k) => {
    const i = n === 1 ? 0 : Math.round((k * (of.count - 1)) / (n - 1))
    const place = i % (of.columns * of.rows)
    return {
      at_ms: i * of.every_ms, sheet: Math.floor(i / (of.columns * of.rows)),
      x: (place % of.columns) * of.width, y: Math.floor(place / of.columns) * of.height,
    }
  })
}

/** Whether it moves, so that small pictures along it can be had. */
export const hasPicture = (row: Schemas['InboxRow']): boolean => row.mime.startsWith('video/')
