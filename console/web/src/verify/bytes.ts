/** Bytes and their spellings, strictly: only the form that an encoder writes is read. */
import { sha256 as hash } from '@noble/hashes/sha2.js'
import { bytesToHex, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js'

import { malformed } from './errors'

export const hex = bytesToHex
export const utf8 = utf8ToBytes
export const sha256 = (data: Uint8Array): Uint8Array => hash(data)

export function fromHex(text: string, what: string): Uint8Array {
  if (!/^([0-9a-f]{2})*$/.test(text)) throw malformed(`${what}: expected lower-case hex digits, got something else`)
  return hexToBytes(text)
}

export function join(...parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

export const same = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((byte, n) => byte === b[n])

export function toBase64(data: Uint8Array): string {
  let text = ''
  for (let at = 0; at < data.length; at += 0x8000) text += String.fromCharCode(...data.subarray(at, at + 0x8000))
  return btoa(text)
}

export function fromBase64(text: string, what: string): Uint8Array {
  let raw: string
  try {
    raw = atob(text)
  } catch {
    throw malformed(`${what}: expected base64, got something else`)
  }
  const data = Uint8Array.from(raw, (c) => c.charCodeAt(0))
  if (toBase64(data) !== text) throw malformed(`${what}: expected base64 as an encoder writes it, got another spelling`)
  return data
}

export function decodeUtf8(data: Uint8Array, what: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(data)
  } catch {
    throw malformed(`${what}: expected UTF-8, got other bytes`)
  }
}
