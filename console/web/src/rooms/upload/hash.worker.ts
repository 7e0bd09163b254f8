/** Hashes a file piece by piece, away from the page: memory stays at one piece whatever its size. */
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'

const PIECE = 4 * 1024 * 1024
const stopped = new Set<string>()

self.onmessage = async (event: MessageEvent<{ key: string; file?: File; stop?: boolean }>) => {
  const { key, file, stop } = event.data
  if (stop === true || file === undefined) {
    stopped.add(key)
    return
  }
  stopped.delete(key)
  try {
    const hash = sha256.create()
    for (let at = 0; at < file.size; at += PIECE) {
      if (stopped.has(key)) return self.postMessage({ key, stopped: true })
      hash.update(new Uint8Array(await file.slice(at, at + PIECE).arrayBuffer()))
      self.postMessage({ key, hashed: Math.min(file.size, at + PIECE) })
    }
    self.postMessage({ key, sha256: bytesToHex(hash.digest()) })
  } catch (error) {
    self.postMessage({ key, problem: String(error) })
  }
}
