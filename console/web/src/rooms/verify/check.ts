/** A verification in the page, step by step: what is asked for, what is checked, and in which order. */
import { checkChunk, checkChunks, draw, spanOf } from '@/verify/chunks'
import { fromHex, hex } from '@/verify/bytes'
import { broken, CheckError, incomplete, type Outcome } from '@/verify/errors'
import { checkConsistency, Fingerprint } from '@/verify/merkle'
import { checkSignature, parseCheckpoint, parseKey, parseNote, type Checkpoint, type Key } from '@/verify/note'
import {
  checkCommitments, checkFile, checkItem, checkProof, parseReceipt, sealedOf, verdictOf,
  type Parsed, type Sealed, type Step, type StepCode,
} from '@/verify/receipt'
import { consistencyProof } from '@/verify/tiles'
import type { Known } from './key'

/** What no receipt proves; always said (docs/formats/receipts.md). */
export const NOT_CHECKED = ['witnesses', 'time-stamps', 'custody', 'device-times', 'server-clock', 'content', 'derivative', 'later-acts'] as const

export type Mode = 'original' | 'local' | 'sample' | 'none'

/** Where everything comes from. */
export interface Source {
  receipt(): Promise<string>
  vkey(): Promise<string>
  checkpoint(): Promise<string>
  tile(path: string): Promise<Uint8Array>
  /** The list of chunk hashes; null: there is none to be had. */
  chunks(): Promise<Uint8Array | null>
  /** The whole, in pieces of any size. */
  bytes(size: number): AsyncIterable<Uint8Array>
  /** Part of it. */
  part(start: number, end: number): Promise<Uint8Array>
  /** Nothing more is asked for. */
  done?(): Promise<void>
}

/** What this browser remembers. */
export interface Memory {
  key(origin: string, vkey: string, signed: boolean): Known
  /** The last checkpoint of this log that held. */
  seen(origin: string): Seen | null
  keep(origin: string, seen: Seen): void
}

export interface Seen {
  size: number
  root: string
  at: string
}

export interface Wish {
  /** The recording that is asked for; null: whichever the receipt is of. */
  item: string | null
  mode: Mode
  /** Chunks to be read where only a sample is. */
  sample: number
  /** The key was handed in by a person who has it from elsewhere. */
  ownKey: boolean
}

export interface Facts {
  name: string
  item: string
  index: number
  at: string
  origin: string
  size: number
  tree: number
  sha256: string
  root: string
  leaf: string
  /** Of an excerpt: from where to where, in milliseconds, and SHA-256 of the recording. */
  excerpt: { from: number; to: number; of: string } | null
}

export interface Report {
  verdict: Outcome
  steps: Step[]
  facts: Facts | null
  receipt: string
  vkey: string
  checkpoint: string
  checkedAt: string
}

export interface Told {
  /** This step begins. */
  begins(code: StepCode): void
  /** It ended. */
  ended(step: Step): void
  /** So many bytes were read. */
  read(bytes: number): void
  key(origin: string, vkey: string, known: Known): void
}

/** The steps that a wish leads to, in their order. */
export function stepsOf(wish: Pick<Wish, 'item' | 'mode'>): StepCode[] {
  const file: Record<Mode, StepCode[]> = {
    original: ['chunks', 'file-size', 'file-sha256', 'file-root'],
    local: ['file-size', 'file-sha256', 'file-root'],
    sample: ['chunks', 'file-sample'],
    none: ['file'],
  }
  return ['receipt', ...(wish.item === null ? [] : ['item' as const]), 'commitments', 'inclusion', 'log-signature', 'key', 'consistency', ...file[wish.mode]]
}

/** Thrown to end a verification that nobody wants any more. */
export const stopped = (): DOMException => new DOMException('stopped', 'AbortError')
const breathe = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0))

export async function verify(source: Source, memory: Memory, wish: Wish, told: Told, now: Date): Promise<Report> {
  const steps: Step[] = []
  const made: Report = { verdict: 'incomplete', steps, facts: null, receipt: '', vkey: '', checkpoint: '', checkedAt: now.toISOString() }

  async function step<T>(code: StepCode, work: () => T | Promise<T>, facts?: (value: T) => Step['facts']): Promise<T | null> {
    told.begins(code)
    await breathe()
    let done: Step
    let value: T | null = null
    try {
      value = await work()
      done = { code, outcome: 'good', detail: '', facts: facts?.(value) }
    } catch (error) {
      if (error instanceof DOMException && error.name === 'AbortError') throw error
      // Not of ours: the server refused, or did not answer. That is no proof against the recording.
      done = error instanceof CheckError ? { code, outcome: error.outcome, detail: error.message } : { code, outcome: 'unavailable', detail: error instanceof Error ? error.message : String(error) }
    }
    steps.push(done)
    told.ended(done)
    return value
  }
  function end(): Report {
    made.verdict = verdictOf(steps)
    return made
  }

  const parsed = await step('receipt', async () => {
    made.receipt = await source.receipt()
    return parseReceipt(made.receipt)
  })
  if (parsed === null) return end()
  const values = (await step('commitments', () => checkCommitments(parsed))) ?? {}
  if (wish.item !== null) await step('item', () => checkItem(values, wish.item ?? ''))
  made.facts = factsOf(parsed, values)
  await step('inclusion', () => checkProof(parsed), () => ({ index: parsed.index, tree: parsed.checkpoint.size }))
  const origin = parsed.checkpoint.origin
  const type = String(parsed.entry.type)
  const key = await step('log-signature', async () => {
    made.vkey = (await source.vkey()).trim()
    if (made.vkey === '') throw incomplete('log-signature: expected a trusted key, got none')
    const found = parseKey(made.vkey)
    checkSignature(parsed.note, origin, found)
    return found
  })
  await step('key', () => {
    if (made.vkey === '') throw incomplete('key: expected a key, got none')
    const known = memory.key(origin, made.vkey, key !== null)
    told.key(origin, made.vkey, known)
    checkTrust(known, wish.ownKey)
  })
  const newest = (await ofAnother(origin)) ? null : await step('consistency', () => checkGrowth(source, memory, parsed, key, made), (value) => value.facts)
  try {
    await ofBytes()
  } finally {
    await source.done?.()
  }
  const end_ = end()
  if (newest !== null && verdictOf(steps.filter((one) => one.code !== 'key')) !== 'broken') memory.keep(origin, { size: newest.size, root: hex(newest.root), at: made.checkedAt })
  return end_

  /** A receipt that somebody brought may be of a log that is not here: then its growth is not checked. */
  async function ofAnother(name: string): Promise<boolean> {
    if (wish.item !== null) return false
    try {
      return parseCheckpoint(parseNote(await source.checkpoint()).text).origin !== name
    } catch {
      return false
    }
  }

  async function ofBytes(): Promise<void> {
    if (wish.mode === 'none') {
      await step('file', () => {
        throw incomplete('file: expected its bytes to be read, got none of them')
      })
      return
    }
    let sealed: Sealed
    try {
      sealed = sealedOf(values, type)
    } catch {
      await step('file', () => sealedOf(values, type))
      return
    }
    let hashes: Uint8Array[] | null = null
    if (wish.mode !== 'local') {
      hashes = await step('chunks', async () => {
        const list = await source.chunks()
        if (list === null) throw incomplete('chunks: expected the list of chunk hashes, got none')
        return checkChunks(list, sealed)
      }, (list) => ({ count: list.length }))
    }
    if (wish.mode === 'sample') await sample(sealed, hashes)
    else await whole(sealed, hashes)
  }

  async function whole(sealed: Sealed, hashes: Uint8Array[] | null): Promise<void> {
    told.begins('file-size')
    let found: ReturnType<Fingerprint['end']>
    try {
      found = await fingerprint(source.bytes(sealed.size), sealed, hashes, (bytes) => told.read(bytes))
    } catch (error) {
      await step('file', () => { throw error })
      return
    }
    for (const done of checkFile(sealed, found)) {
      steps.push(done)
      told.ended(done)
    }
  }

  async function sample(sealed: Sealed, hashes: Uint8Array[] | null): Promise<void> {
    await step('file-sample', async () => {
      if (hashes === null) throw incomplete('file-sample: expected the list of chunk hashes, got none')
      const picked = draw(wish.sample, hashes.length, Math.random)
      let read = 0
      for (const n of picked) {
        const [start, stop] = spanOf(n, sealed)
        checkChunk(n, await source.part(start, stop), hashes, sealed)
        read += stop - start
        told.read(read)
        await breathe()
      }
      if (picked.length < hashes.length) {
        throw incomplete(`file-sample: expected ${hashes.length} chunks, read ${picked.length} (${picked.join(', ')}), each of which holds`)
      }
    })
  }
}

function factsOf(parsed: Parsed, values: Record<string, unknown>): Facts {
  return {
    name: String(values.name ?? ''), item: String(values.item ?? ''), index: parsed.index, at: String(parsed.entry.at),
    origin: parsed.checkpoint.origin, tree: parsed.checkpoint.size, size: Number(values.size ?? 0),
    sha256: String(values.sha256 ?? ''), root: String(values.root ?? ''), leaf: hex(parsed.leaf),
    excerpt: parsed.entry.type === 'clip.made' ? { from: Number(values.from_ms), to: Number(values.to_ms), of: String(values.input ?? '') } : null,
  }
}

function checkTrust(known: Known, ownKey: boolean): void {
  if (known.seen === 'changed') throw broken('key: expected the key that this browser remembers, got another')
  if (!known.compared && !ownKey) throw incomplete('key: expected a key that a person compared with one from elsewhere, got one that the server says is its own')
}

/** The log of today holds the receipt's tree and the one that this browser saw last: nothing was taken out. */
async function checkGrowth(source: Source, memory: Memory, parsed: Parsed, key: Key | null, made: Report): Promise<Checkpoint & { facts: NonNullable<Step['facts']> }> {
  const { origin } = parsed.checkpoint
  if (key === null) throw incomplete('consistency: expected a signature that holds, got none')
  made.checkpoint = await source.checkpoint()
  const note = parseNote(made.checkpoint)
  const newest = parseCheckpoint(note.text)
  if (newest.origin !== origin) throw incomplete(`consistency: expected a checkpoint of ${origin}, got one of ${newest.origin}`)
  checkSignature(note, origin, key)
  const before = memory.seen(origin)
  const older = [{ size: parsed.checkpoint.size, root: parsed.checkpoint.root }]
  if (before !== null) older.push({ size: before.size, root: fromHex(before.root, 'remembered root') })
  for (const one of older) {
    // The size first: of a log that became shorter there are no tiles to ask for.
    const proof = one.size <= newest.size ? await consistencyProof(one.size, newest.size, (path) => source.tile(path)) : []
    checkConsistency(one.size, newest.size, one.root, newest.root, proof)
  }
  return { ...newest, facts: { receipt: parsed.checkpoint.size, before: before?.size ?? '', newest: newest.size } }
}

/** The fingerprint of bytes that come in pieces; memory stays at one piece and the hashes. */
export async function fingerprint(
  pieces: AsyncIterable<Uint8Array>, sealed: Sealed, hashes: readonly Uint8Array[] | null, told: (bytes: number) => void,
): Promise<ReturnType<Fingerprint['end']>> {
  const print = new Fingerprint(sealed.chunk, hashes)
  let last = 0
  for await (const piece of pieces) {
    print.update(piece)
    if (print.size > sealed.size) break // it is another file already
    if (print.size - last > 2_000_000) {
      last = print.size
      told(print.size)
      await breathe() // the page stays alive
    }
  }
  told(print.size)
  return print.end()
}

/** Pieces of a response's body, or of a file; who stops reading stops the stream. */
export async function* piecesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  const reader = stream.getReader()
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      yield value
    }
  } finally {
    await reader.cancel().catch(() => undefined)
  }
}
