/** What a verification asks the server for; everything of the log is public. */
import { api, ask, fetched, headers } from '@/api/client'
import { CheckError, incomplete } from '@/verify/errors'
import { piecesOf, type Source } from './check'

type Log = Pick<Source, 'vkey' | 'checkpoint' | 'tile'>

async function text(address: string, signal: AbortSignal): Promise<string> {
  return await (await fetched(address, { signal })).text()
}

/** The public files of this server's log. */
export const log = (signal: AbortSignal): Log => ({
  vkey: () => text('/log/vkey', signal),
  checkpoint: () => text('/log/checkpoint', signal),
  tile: async (path) => new Uint8Array(await (await fetched(`/log/${path}`, { signal })).arrayBuffer()),
})

/** A view of the original, which is recorded. */
const viewed = (item: string, purpose: string): Promise<{ view: string; url: string }> =>
  ask(api.POST('/api/items/{item}/views', { params: { path: { item } }, body: { purpose, what: 'original' } }))

async function closed(view: string): Promise<void> {
  await fetch(`/api/views/${view}/close`, { method: 'POST', headers: headers(), credentials: 'same-origin', keepalive: true }).catch(() => undefined)
}

/** A recording of this server. A view lasts a quarter of an hour: where it ends, the next goes on. */
export function ofItem(item: string, purpose: () => string, signal: AbortSignal, notYet: string): Source {
  let open: { view: string; url: string } | null = null
  return {
    ...log(signal),
    async receipt() {
      const answer = await fetched(`/api/items/${item}/receipt?wait=10`, { signal })
      if (answer.status !== 200) throw incomplete(notYet)
      return await answer.text()
    },
    async chunks() {
      try {
        return new Uint8Array(await (await fetched(`/api/items/${item}/chunks`, { signal })).arrayBuffer())
      } catch (error) {
        if (error instanceof DOMException) throw error
        return null
      }
    },
    async *bytes(size) {
      let at = 0
      while (at < size) {
        const grant = await viewed(item, purpose())
        const before = at
        try {
          const answer = await fetched(grant.url, { signal, headers: at === 0 ? {} : { Range: `bytes=${at}-` } })
          if (answer.body === null || (at > 0 && answer.status !== 206)) throw new CheckError('unavailable', `file: expected its bytes from ${at}, got ${answer.status}`)
          for await (const piece of piecesOf(answer.body)) {
            at += piece.length
            yield piece
          }
        } catch (error) {
          // A stream that broke goes on where it was; one that never began does not.
          if (signal.aborted || at === before) throw error
        } finally {
          await closed(grant.view)
        }
        if (at === before) throw new CheckError('unavailable', `file: expected ${size} bytes, got ${at}`)
      }
    },
    async part(start, end) {
      if (start === 0 || open === null) open = await viewed(item, purpose())
      const answer = await fetched(open.url, { signal, headers: { Range: `bytes=${start}-${end - 1}` } })
      return new Uint8Array(await answer.arrayBuffer())
    },
    async done() {
      if (open !== null) await closed(open.view)
      open = null
    },
  }
}

/** The same, but the bytes are those of a file of this computer. */
export const withFile = (source: Source, file: Blob): Source => ({ ...source, ...fileParts(file) })

/** Receipt and file both from this computer. */
export function ofFiles(receipt: Blob, file: Blob | null, vkey: string, signal: AbortSignal): Source {
  return {
    ...log(signal),
    receipt: () => receipt.text(),
    vkey: async () => vkey,
    chunks: async () => null,
    ...fileParts(file ?? new Blob()),
  }
}

function fileParts(file: Blob): Pick<Source, 'bytes' | 'part'> {
  return {
    bytes: () => piecesOf(file.stream()),
    part: async (start, end) => new Uint8Array(await file.slice(start, end).arrayBuffer()),
  }
}
