/** The steps of a verification in the page, told while they are made. */
import { Fingerprint } from '@/verify/merkle'
import { parseKey, type Key } from '@/verify/note'
import { checkFile, checkReceipt, sealedOf, verdictOf, type Checked, type Step } from '@/verify/receipt'
import type { Outcome } from '@/verify/errors'

export const CODES = ['receipt', 'commitments', 'inclusion', 'log-signature', 'file-size', 'file-sha256', 'file-root'] as const
/** What no receipt proves; always said (docs/formats/receipts.md). */
export const NOT_CHECKED = ['witnesses', 'time-stamps', 'custody', 'device-times', 'server-clock', 'content', 'later-acts'] as const

export interface Report {
  verdict: Outcome
  steps: Step[]
  facts: { index: number; at: string; origin: string; size: number; tree: number; sha256: string } | null
  receipt: string
  vkey: string | null
  checkedAt: string
}

/** The steps without the file. */
export function ofReceipt(receipt: string, vkey: string | null): { checked: Checked; key: Key | null } {
  const key = vkey === null || vkey.trim() === '' ? null : parseKey(vkey)
  return { checked: checkReceipt(receipt, key), key }
}

/** The file's own steps; pieces come from a stream, so memory stays at one piece. */
export async function ofFile(
  checked: Checked,
  pieces: AsyncIterable<Uint8Array>,
  told: (bytes: number) => void,
): Promise<Step[]> {
  const sealed = sealedOf(checked.values)
  const print = new Fingerprint(sealed.chunk)
  let last = 0
  for await (const piece of pieces) {
    print.update(piece)
    if (print.size - last > 2_000_000) {
      last = print.size
      told(print.size)
      await new Promise((resolve) => setTimeout(resolve, 0)) // the page stays alive
    }
  }
  told(print.size)
  return checkFile(sealed, print.end())
}

export function report(checked: Checked, steps: Step[], receipt: string, vkey: string | null, now: Date): Report {
  const { parsed, values } = checked
  return {
    verdict: verdictOf(steps),
    steps,
    facts:
      parsed === null
        ? null
        : { index: parsed.index, at: String(parsed.entry.at), origin: parsed.checkpoint.origin, tree: parsed.checkpoint.size, size: Number(values.size ?? 0), sha256: String(values.sha256 ?? '') },
    receipt,
    vkey,
    checkedAt: now.toISOString(),
  }
}

/** Pieces of a response's body, or of a file. */
export async function* piecesOf(stream: ReadableStream<Uint8Array>): AsyncIterable<Uint8Array> {
  const reader = stream.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    yield value
  }
}
