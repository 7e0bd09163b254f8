/** Trees and their proofs (RFC 6962, 2.1; docs/formats/log.md, "Hashing"). */
import { sha256 as hash } from '@noble/hashes/sha2.js'

import { hex, join, same, sha256 } from './bytes'
import { broken } from './errors'

const [LEAF, NODE] = [Uint8Array.of(0), Uint8Array.of(1)]

export const leafHash = (data: Uint8Array): Uint8Array => sha256(join(LEAF, data))
export const nodeHash = (left: Uint8Array, right: Uint8Array): Uint8Array => sha256(join(NODE, left, right))

/** Raises unless `proof` leads from `leaf` at `index` to `root` in a tree of `size`. */
export function checkInclusion(leaf: Uint8Array, index: number, size: number, proof: readonly Uint8Array[], root: Uint8Array): void {
  if (index >= size) throw broken(`inclusion: expected an index below the tree's size ${size}, got ${index}`)
  let [fn, sn] = [BigInt(index), BigInt(size - 1)]
  let found = leaf
  for (const hash_ of proof) {
    if (sn === 0n) throw broken('inclusion: expected fewer hashes, got too many')
    if ((fn & 1n) === 1n || fn === sn) {
      found = nodeHash(hash_, found)
      while ((fn & 1n) === 0n && fn !== 0n) [fn, sn] = [fn >> 1n, sn >> 1n]
    } else found = nodeHash(found, hash_)
    ;[fn, sn] = [fn >> 1n, sn >> 1n]
  }
  if (sn !== 0n) throw broken('inclusion: expected more hashes, got too few')
  if (!same(found, root)) throw broken('inclusion: expected the proof to lead to the signed root, got another')
}

/** Raises unless the tree of `old` leaves is the beginning of the tree of `size` (RFC 9162, 2.1.4.2). */
export function checkConsistency(old: number, size: number, oldRoot: Uint8Array, root: Uint8Array, proof: readonly Uint8Array[]): void {
  const what = `consistency ${old} to ${size}`
  if (!(old >= 0 && old <= size)) throw broken(`consistency: expected a log of at least ${old} entries, got ${size}`)
  if (old === 0 || old === size) {
    if (proof.length > 0) throw broken(`${what}: expected no hashes, got ${proof.length}`)
    const expected = old === 0 ? sha256(new Uint8Array()) : root
    if (!same(oldRoot, expected)) throw broken(`${what}: expected old root ${hex(expected)}, got ${hex(oldRoot)}`)
    return
  }
  const power = (BigInt(old) & (BigInt(old) - 1n)) === 0n
  const path = power ? [oldRoot, ...proof] : [...proof]
  const begin = path[0]
  if (proof.length === 0 || begin === undefined) throw broken(`${what}: expected hashes, got none`)
  let [at, last] = [BigInt(old - 1), BigInt(size - 1)]
  while ((at & 1n) === 1n) [at, last] = [at >> 1n, last >> 1n]
  let [first, second] = [begin, begin]
  for (const sibling of path.slice(1)) {
    if (last === 0n) throw broken(`${what}: expected fewer hashes, got ${proof.length}`)
    if ((at & 1n) === 1n || at === last) {
      ;[first, second] = [nodeHash(sibling, first), nodeHash(sibling, second)]
      while ((at & 1n) === 0n && at !== 0n) [at, last] = [at >> 1n, last >> 1n]
    } else second = nodeHash(second, sibling)
    ;[at, last] = [at >> 1n, last >> 1n]
  }
  if (last !== 0n) throw broken(`${what}: expected more hashes, got ${proof.length}`)
  if (!same(first, oldRoot)) throw broken(`${what}: expected old root ${hex(oldRoot)}, got ${hex(first)}`)
  if (!same(second, root)) throw broken(`${what}: expected new root ${hex(root)}, got ${hex(second)}`)
}

/** The root over full subtrees, the largest first. */
export function fold(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 0) return sha256(new Uint8Array())
  return parts.reduceRight((right, left) => nodeHash(left, right))
}

/** The root over leaf hashes that come one by one; memory grows with the logarithm only. */
export class RootBuilder {
  private readonly stack: { hash: Uint8Array; size: number }[] = []
  count = 0

  add(leaf: Uint8Array): void {
    let made = { hash: leaf, size: 1 }
    for (let top = this.stack.at(-1); top !== undefined && top.size === made.size; top = this.stack.at(-1)) {
      this.stack.pop()
      made = { hash: nodeHash(top.hash, made.hash), size: made.size * 2 }
    }
    this.stack.push(made)
    this.count += 1
  }

  root(): Uint8Array {
    return fold(this.stack.map((one) => one.hash))
  }
}

/** SHA-256, chunk tree and size of bytes that come in pieces of any length. */
export class Fingerprint {
  private readonly whole = hash.create()
  private readonly tree = new RootBuilder()
  private leaf = hash.create().update(LEAF)
  private inChunk = 0
  size = 0
  /** The first chunk that is another than in the list of chunk hashes, where one was given. */
  differs: number | null = null

  constructor(readonly chunk: number, private readonly expected: readonly Uint8Array[] | null = null) {}

  update(piece: Uint8Array): void {
    this.whole.update(piece)
    this.size += piece.length
    for (let at = 0; at < piece.length; ) {
      const some = piece.subarray(at, at + this.chunk - this.inChunk)
      this.leaf.update(some)
      this.inChunk += some.length
      at += some.length
      if (this.inChunk === this.chunk) this.close()
    }
  }

  private close(): void {
    const found = this.leaf.digest()
    const wanted = this.expected?.[this.tree.count]
    if (this.expected !== null && this.differs === null && (wanted === undefined || !same(wanted, found))) this.differs = this.tree.count
    this.tree.add(found)
    this.leaf = hash.create().update(LEAF)
    this.inChunk = 0
  }

  end(): { sha256: Uint8Array; root: Uint8Array; size: number; differs: number | null } {
    if (this.inChunk > 0) this.close()
    return { sha256: this.whole.digest(), root: this.tree.root(), size: this.size, differs: this.differs }
  }
}
