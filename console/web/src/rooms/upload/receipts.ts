/** Receipts as the server gives them, and what each says by itself: read, not remembered. */
import { fetched, Problem } from '@/api/client'
import { checkCommitments, checkProof, parseReceipt, sealedOf } from '@/verify/receipt'

export interface Receipt {
  text: string
  name: string
  size: number
  sha256: string
  sealedAt: string
  index: number
  origin: string
  /** Entries that the checkpoint covers. */
  covers: number
}

/** The receipt of an upload, whose entry and proof fit; a Problem where there is none yet. */
export async function receiptOf(upload: string): Promise<Receipt> {
  const answer = await fetched(`/api/uploads/${upload}/receipt`)
  if (answer.status !== 200) throw new Problem({ code: 'not-published', title: '', status: answer.status })
  const text = await answer.text()
  const parsed = parseReceipt(text)
  const values = checkCommitments(parsed)
  checkProof(parsed)
  const { size, sha256 } = sealedOf(values)
  return {
    text, size, sha256, name: typeof values.name === 'string' ? values.name : '', sealedAt: String(parsed.entry.at),
    index: parsed.index, origin: parsed.checkpoint.origin, covers: parsed.checkpoint.size,
  }
}
