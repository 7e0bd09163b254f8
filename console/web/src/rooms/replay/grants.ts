/**
 * Views of recordings: granted before the first byte, renewed before they end, closed on leaving.
 *
 * Each grant is an entry in the log with the person's purpose; what was served is recorded when it
 * is closed (or when it ends by itself).
 */
import { api, ask, headers } from '@/api/client'

export interface Grant {
  view: string
  until: string
  url: string
}

type Kind = 'whole' | 'pieces'
const KINDS: readonly Kind[] = ['whole', 'pieces']
const RENEW_BEFORE_MS = 60_000

export class Grants {
  private readonly held = new Map<string, Grant>()
  private readonly timers = new Map<string, ReturnType<typeof setTimeout>>()
  private closed = false

  constructor(
    private readonly purpose: string,
    private readonly caseId: string | null,
  ) {}

  private async grant(item: string, what: 'playable' | 'original'): Promise<Grant> {
    return await ask(
      api.POST('/api/items/{item}/views', {
        params: { path: { item } },
        body: { purpose: this.purpose, what, ...(this.caseId === null ? {} : { case: this.caseId }) },
      }),
    )
  }

  /**
   * Where the bytes of the item are for as long as it is looked at; throws a Problem.  The pieces of a
   * conversion and the copy that comes of it are looked at under a view each: their bytes differ.
   */
  async of(item: string, kind: Kind = 'whole'): Promise<Grant> {
    const key = `${kind} ${item}`
    const known = this.held.get(key)
    if (known !== undefined && Date.parse(known.until) - Date.now() > 1000) return known
    const made = await this.grant(item, 'playable')
    if (this.closed) {
      void shut(made.view, true)
      return made
    }
    this.held.set(key, made)
    this.renewLater(key, item, made)
    return made
  }

  /** A view of the original for one download; the browser's own download closes it by its end. */
  async original(item: string): Promise<Grant> {
    return await this.grant(item, 'original')
  }

  private renewLater(key: string, item: string, made: Grant): void {
    clearTimeout(this.timers.get(key))
    const left = Date.parse(made.until) - Date.now()
    const wait = Math.max(1000, left - Math.min(RENEW_BEFORE_MS, left / 3))
    this.timers.set(key, setTimeout(() => void this.renew(key, item), wait))
  }

  /** The new grant takes the place of the old one; the address stays, so nothing stops. */
  private async renew(key: string, item: string): Promise<void> {
    const old = this.held.get(key)
    if (old === undefined || this.closed) return
    try {
      const made = await this.grant(item, 'playable')
      this.held.set(key, made)
      this.renewLater(key, item, made)
      await shut(old.view, false)
    } catch {
      this.held.delete(key) // asked for again when it is needed
    }
  }

  /** Nobody looks at this item any more, or not in this way. */
  leave(item: string, kinds: readonly Kind[] = KINDS): void {
    for (const key of kinds.map((kind) => `${kind} ${item}`)) {
      const old = this.held.get(key)
      clearTimeout(this.timers.get(key))
      this.timers.delete(key)
      if (this.held.delete(key) && old !== undefined) void shut(old.view, false)
    }
  }

  /** The person leaves: every view is closed, also while the page goes away. */
  close(): void {
    this.closed = true
    for (const timer of this.timers.values()) clearTimeout(timer)
    for (const grant of this.held.values()) void shut(grant.view, true)
    this.held.clear()
  }
}

async function shut(view: string, leaving: boolean): Promise<void> {
  await fetch(`/api/views/${view}/close`, { method: 'POST', headers: headers(), credentials: 'same-origin', keepalive: leaving }).catch(() => undefined)
}
