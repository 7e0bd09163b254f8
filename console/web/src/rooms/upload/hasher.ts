/** Fingerprints files one at a time in a worker; a file is read in pieces, never whole. */

export interface Told {
  hashed: (key: string, bytes: number) => void
  done: (key: string, sha256: string) => void
  failed: (key: string, problem: string) => void
}

export class Hasher {
  private worker: Worker | null = null
  private at: string | null = null

  constructor(private readonly told: Told) {}

  start(key: string, file: File): void {
    this.worker ??= this.hire()
    this.at = key
    this.worker.postMessage({ key, file })
  }

  stop(key: string): void {
    this.worker?.postMessage({ key, stop: true })
  }

  private hire(): Worker {
    const worker = new Worker(new URL('./hash.worker.ts', import.meta.url), { type: 'module' })
    worker.onmessage = (event: MessageEvent<{ key: string; hashed?: number; sha256?: string; problem?: string }>) => {
      const { key, hashed, sha256, problem } = event.data
      if (hashed !== undefined) this.told.hashed(key, hashed)
      else if (sha256 !== undefined) this.told.done(key, sha256)
      else if (problem !== undefined) this.told.failed(key, problem)
    }
    worker.onerror = () => {
      this.worker = null // the next file has a new one
      if (this.at !== null) this.told.failed(this.at, '')
    }
    return worker
  }
}
