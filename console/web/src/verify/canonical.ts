/** Canonical JSON: one value, one sequence of bytes (docs/formats/entries.md, "Canonical form"). */
import { decodeUtf8, utf8 } from './bytes'
import { malformed } from './errors'

export type Value = string | number | boolean | null | Value[] | { [name: string]: Value }

const DEEPEST = 64
const LONE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/

function text(value: string): string {
  if (LONE.test(value)) throw malformed('canonical JSON: expected Unicode text, got a lone surrogate')
  return JSON.stringify(value)
}

export function write(value: Value, depth = 0): string {
  if (typeof value === 'string') return text(value)
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) throw malformed('canonical JSON: expected a whole number below 2^53, got another')
    return Object.is(value, -0) ? '0' : String(value)
  }
  if (value === null || typeof value === 'boolean') return String(value)
  if (depth >= DEEPEST) throw malformed(`canonical JSON: expected nesting of at most ${DEEPEST}, got more`)
  if (Array.isArray(value)) return `[${value.map((one) => write(one, depth + 1)).join(',')}]`
  const names = Object.keys(value).sort()
  for (const name of names) if (!/^[a-z0-9_]+$/.test(name)) throw malformed('canonical JSON: expected names of a-z, 0-9 and _, got another')
  return `{${names.map((name) => `"${name}":${write(value[name] as Value, depth + 1)}`).join(',')}}`
}

export const encode = (value: Value): Uint8Array => utf8(write(value))

/** The value of canonical bytes; anything else is malformed, members twice and `1.0` included. */
export function decode(data: Uint8Array): Value {
  const said = decodeUtf8(data, 'canonical JSON')
  let value: Value
  try {
    value = JSON.parse(said) as Value
  } catch {
    throw malformed('canonical JSON: expected one JSON value, got something else')
  }
  if (write(value) !== said) throw malformed('canonical JSON: expected the canonical form, got another spelling')
  return value
}

export function record(value: Value, what: string): { [name: string]: Value } {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed(`${what}: expected an object, got something else`)
  return value
}
