/** A refusal of the server in words for people (RFC 9457), or that it was not reached. */
export class Problem extends Error {
  readonly code: string
  readonly status: number
  readonly next: string
  /** The exact technical text: for support, not for the headline. */
  readonly detail: string
  /** What an act lacks, each in a sentence. */
  readonly missing: readonly string[]

  constructor(said: { code: string; title: string; status: number; next?: string; detail?: string; missing?: readonly string[] }) {
    super(said.title)
    this.name = 'Problem'
    this.code = said.code
    this.status = said.status
    this.next = said.next ?? ''
    this.detail = said.detail ?? ''
    this.missing = said.missing ?? []
  }

  get offline(): boolean {
    return this.code === 'offline'
  }

  get denied(): boolean {
    return this.status === 403
  }

  get signedOut(): boolean {
    return this.status === 401
  }
}

/** What `body` says, if it is a problem of the server; otherwise one that names the status only. */
export function problemOf(status: number, body: unknown): Problem {
  if (typeof body === 'object' && body !== null && 'code' in body && 'title' in body) {
    const said = body as { code: unknown; title: unknown; next?: unknown; detail?: unknown; missing?: unknown }
    return new Problem({
      code: String(said.code),
      title: String(said.title),
      status,
      next: said.next === undefined ? '' : String(said.next),
      detail: said.detail === undefined ? '' : String(said.detail),
      missing: Array.isArray(said.missing) ? said.missing.flatMap((one: { text?: unknown }) => (typeof one.text === 'string' ? [one.text] : [])) : [],
    })
  }
  return new Problem({ code: 'unreadable', title: `HTTP ${status}`, status })
}

/** Any thrown thing as a Problem; a failed fetch (TypeError) means that nobody answered. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error
  if (error instanceof TypeError) return new Problem({ code: 'offline', title: '', status: 0 })
  return new Problem({ code: 'internal', title: String(error), status: 0, detail: String(error) })
}
