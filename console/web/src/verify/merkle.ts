/** Trees and inclusion proofs (RFC 6962, 2.1; docs/formats/log.md, "Hashing"). */
import { sha256 as hash } from '@noble/hashes/sha2.js'

import { join, same, sha256 } from './bytes'
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
    if (this.stack.length === 0) return sha256(new Uint8Array())
    return this.stack.map((one) => one.hash).reduceRight((right, left) => nodeHash(left, right))
  }
}

/** SHA-256, chunk tree and size of bytes that come in pieces of any length. */
export class Fingerprint {
  private readonly whole = hash.create()
  private readonly tree = new RootBuilder()
  private leaf = hash.create().update(LEAF)
  private inChunk = 0
  size = 0

  constructor(readonly chunk: number) {}

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
    this.tree.add(this.leaf.digest())
    this.leaf = hash.create().update(LEAF)
    this.inChunk = 0
  }

  end(): { sha256: Uint8Array; root: Uint8Array; size: number } {
    if (this.inChunk > 0) this.close()
    return { sha256: this.whole.digest(), root: this.tree.root(), size: this.size }
  }
}
