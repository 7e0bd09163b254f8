/**
 * Files that were chosen again: of the path, size and time of one that is in the queue.  A camera
 * whose clock was reset makes such files with other bytes, so the bytes are compared.
 *
 * Promised: what has other bytes is told to `other`, what cannot be read is named; nothing is passed
 * over by its name.  Not promised: a comparison lives as long as the page, and a person may stop it.
 */
import { shallowRef } from 'vue'

import { Hasher } from './hasher'
import { keyFor, type Picked } from './pick'

export interface Compared {
  left: number
  same: number
  unread: readonly string[]
}
const NONE: Compared = { left: 0, same: 0, unread: [] }

export class Compare {
  readonly state = shallowRef<Compared>(NONE)
  private waiting: readonly Picked[] = []
  private now: { id: string; picked: Picked } | null = null
  private turn = 0
  private readonly hasher = new Hasher({
    hashed: () => undefined,
    done: (id, sha256) => this.read(id, sha256),
    failed: (id) => this.read(id, null),
  })

  /** `ready`: the one it is compared with has its fingerprint. `meet`: whether the bytes are known. */
  constructor(private readonly ready: (base: string) => boolean, private readonly meet: (picked: Picked, sha256: string) => boolean, private readonly idle: () => void) {}

  add(picked: readonly Picked[]): void {
    const before = this.state.value.left === 0 ? NONE : this.state.value
    this.waiting = [...this.waiting, ...picked]
    this.state.value = { ...before, left: before.left + picked.length }
  }

  /** Compare the next one if none is; whether one is being read. */
  go(): boolean {
    if (this.now !== null) return true
    const picked = this.waiting.find((one) => this.ready(keyFor(one)))
    if (picked === undefined) return false
    this.waiting = this.waiting.filter((one) => one !== picked)
    this.now = { id: `compare ${(this.turn += 1)}`, picked }
    this.hasher.start(this.now.id, picked.file)
    return true
  }

  /** Those of this key are not wanted; without a key: none is. */
  drop(key?: string): void {
    this.waiting = this.waiting.filter((one) => key !== undefined && keyFor(one) !== key)
    if (this.now !== null && (key === undefined || keyFor(this.now.picked) === key)) {
      this.hasher.stop(this.now.id)
      this.now = null
    }
    this.state.value = { ...this.state.value, left: this.waiting.length + (this.now === null ? 0 : 1) }
    this.idle()
  }

  clear(): void {
    if (this.state.value.left === 0) this.state.value = NONE
  }

  private read(id: string, sha256: string | null): void {
    if (this.now?.id !== id) return
    const { picked } = this.now
    this.now = null
    const { same, unread, left } = this.state.value
    const known = sha256 !== null && this.meet(picked, sha256)
    this.state.value = { left: left - 1, same: same + (known ? 1 : 0), unread: sha256 === null ? [...unread, picked.path] : unread }
    this.idle()
  }
}
