/** Sending a sheet as it lies on the disk: its kind from its name. */

import { headers } from '@/api/client'
import { problemOf } from '@/api/problem'

export interface SheetProblem {
  row: number | null
  column: string
  code: string
  severity: 'error' | 'note'
  text: string
}

const KINDS: Record<string, string> = {
  csv: 'text/csv',
  xlsx: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  json: 'application/json',
  toml: 'application/toml',
}

/** The media type that a file's name tells; null: none that we read. */
export const kindOf = (name: string): string | null => KINDS[name.toLowerCase().split('.').at(-1) ?? ''] ?? null

export interface Sent {
  ok: boolean
  status: number
  body: Record<string, unknown>
  problems: SheetProblem[]
}

/** Post the file; a sheet with errors (422) is an answer, not a failure. */
export async function sendSheet(address: string, file: File): Promise<Sent> {
  const kind = kindOf(file.name)
  const init = { method: 'POST', body: file, headers: { ...headers(), 'Content-Type': kind ?? 'application/octet-stream' } }
  const response = await fetch(address, { credentials: 'same-origin', ...init })
  const body = (await response.json().catch(() => ({}))) as Record<string, unknown>
  const problems = Array.isArray(body.problems) ? (body.problems as SheetProblem[]) : []
  if (!response.ok && !(response.status === 422 && problems.length > 0)) throw problemOf(response.status, body)
  return { ok: response.ok, status: response.status, body, problems }
}

