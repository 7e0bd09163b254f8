/** Notes, keys and checkpoints (docs/formats/log.md; C2SP signed-note and tlog-checkpoint). */
import { ed25519 } from '@noble/curves/ed25519.js'

import { fromBase64, hex, join, same, sha256, utf8 } from './bytes'
import { broken, incomplete, malformed } from './errors'

export interface Key {
  name: string
  id: Uint8Array
  /** 32 bytes, Ed25519. */
  key: Uint8Array
}

export interface Note {
  text: string
  signatures: { name: string; id: Uint8Array; signature: Uint8Array }[]
}

export interface Checkpoint {
  origin: string
  size: number
  root: Uint8Array
}

const ED25519 = 1

/** A log's vkey, `<name>+<id>+<base64>`. */
export function parseKey(text: string): Key {
  const match = /^([^+\s]+)\+([0-9a-f]{8})\+(.+)$/.exec(text.trim())
  if (match === null) throw malformed('key: expected <name>+<id>+<base64>, got something else')
  const [name, said, encoded] = [match[1] ?? '', match[2] ?? '', match[3] ?? '']
  const data = fromBase64(encoded, 'key')
  if (data[0] !== ED25519 || data.length !== 33) throw malformed('key: expected an Ed25519 key of a log, got another')
  const id = sha256(join(utf8(`${name}\n`), data)).subarray(0, 4)
  if (hex(id) !== said) throw malformed(`key: expected the id ${hex(id)}, got ${said}`)
  return { name, id, key: data.subarray(1) }
}

export function parseNote(note: string): Note {
  if (/[\u0000-\u0009\u000b-\u001f]/.test(note)) throw malformed('note: expected no control characters but newline, got one')
  const at = note.lastIndexOf('\n\n')
  if (at < 0 || !note.endsWith('\n')) throw malformed('note: expected a text, a blank line and signatures, got otherwise')
  const lines = note.slice(at + 2, -1).split('\n')
  if (lines.length > 128) throw malformed('note: expected at most 128 signatures, got more')
  const signatures = lines.map((line) => {
    const match = /^\u2014 ([^\s+]+) (\S+)$/.exec(line)
    if (match === null) throw malformed('note: expected signature lines, got another line')
    const data = fromBase64(match[2] ?? '', 'signature')
    if (data.length < 5) throw malformed('signature: expected an id and a signature, got less')
    return { name: match[1] ?? '', id: data.subarray(0, 4), signature: data.subarray(4) }
  })
  return { text: note.slice(0, at + 1), signatures }
}

export function parseCheckpoint(text: string): Checkpoint {
  const lines = text.split('\n')
  const [origin, size, root] = lines
  if (lines.length !== 4 || lines[3] !== '' || origin === undefined || origin === '' || size === undefined || root === undefined) {
    throw malformed('checkpoint: expected origin, size and root, got otherwise')
  }
  if (!/^(0|[1-9]\d{0,18})$/.test(size) || !Number.isSafeInteger(Number(size))) throw malformed('checkpoint: expected a size in decimal, got another')
  const found = fromBase64(root, 'root')
  if (found.length !== 32) throw malformed('root: expected 32 bytes, got another length')
  return { origin, size: Number(size), root: found }
}

/** Raises unless the key, named like the origin, signed the note, and no line of it fails. */
export function checkSignature(note: Note, origin: string, key: Key): void {
  if (key.name !== origin) throw incomplete(`log-signature: expected a key named ${origin}, got ${key.name}`)
  const own = note.signatures.filter((one) => one.name === key.name && same(one.id, key.id))
  if (own.length === 0) throw incomplete('log-signature: expected a signature by this key, got none')
  for (const one of own) {
    let good = false
    try {
      good = ed25519.verify(one.signature, utf8(note.text), key.key, { zip215: false })
    } catch {
      good = false // no point of the curve, or another length
    }
    if (!good) throw broken('log-signature: expected one that fits the text, got another')
  }
}
