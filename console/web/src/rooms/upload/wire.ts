/** What goes over the wire beside the bytes: what is announced of a file, what an answer means. */
import { asProblem } from '@/api/client'
import { problemOf } from '@/api/problem'
import type { Entry } from './queue'

/** The server takes nothing just now, in its own words; later it does. */
export const isBusy = (status: number): boolean => status === 429 || status === 503 || status === 507

/** A link that broke, or a server that did not get to an answer: it goes on where it was. */
export const isBreak = (status: number): boolean => !isBusy(status) && (status === 0 || status === 409 || status === 423 || status >= 500)

/** What is announced of a file: what its name and the person say of it. */
export function announced(entry: Entry, file: File): Record<string, string> {
  const manifest = { ...(entry.user === null ? {} : { user: entry.user }), ...(entry.person === null ? {} : { person: entry.person.id }) }
  return {
    filename: entry.name,
    filetype: file.type === '' ? 'application/octet-stream' : file.type,
    sha256: entry.sha256 ?? '',
    device_times: JSON.stringify([{ source: 'file-mtime', time: new Date(entry.modified).toISOString() }]),
    key: `sha256:${entry.sha256 ?? ''}:${entry.size}${entry.attempt === 0 ? '' : `:${entry.attempt}`}`,
    source: entry.source,
    ...(entry.caseNumber.trim() === '' ? {} : { case: entry.caseNumber.trim() }),
    ...(Object.keys(manifest).length === 0 ? {} : { manifest: JSON.stringify(manifest) }),
  }
}

/** What a refusal says to a person. */
export function told(status: number, body: string | undefined): { code: string; text: string; next: string } {
  let read: unknown = null
  try {
    read = JSON.parse(body ?? 'null')
  } catch {
    // not a problem document
  }
  const problem = asProblem(problemOf(status, read))
  return problem.code === 'unreadable' ? { code: '', text: '', next: '' } : { code: problem.code, text: problem.message, next: problem.next }
}
