/** Files from what was dropped or chosen, with their folders. */
import { keyOf } from './queue'

export interface Picked {
  file: File
  path: string
  /** Read once: a browser asks the disk each time. */
  size: number
  modified: number
  /** Told only where another file of this path, size and time is known already. */
  sha256?: string
}

export const keyFor = (picked: Picked): string => keyOf(picked.path, picked.size, picked.modified, picked.sha256)

const WORK_MS = 25
/** To be asked between two steps of long work: whether it is time to let the page draw, and that it did. */
export function breather(): () => Promise<boolean> {
  let since = performance.now()
  return async () => {
    if (performance.now() - since < WORK_MS) return false
    await new Promise((resolve) => setTimeout(resolve))
    since = performance.now()
    return true
  }
}
type Found = Pick<Picked, 'file' | 'path'>
/** How far it is. */
type Told = (done: number, all: number) => void

/** With size and time; each asks the disk, so the page is kept alive meanwhile. */
async function measured(found: readonly Found[], told?: Told): Promise<Picked[]> {
  const all: Picked[] = []
  const breath = breather()
  for (const { file, path } of found) {
    all.push({ file, path, size: file.size, modified: file.lastModified })
    if (await breath()) told?.(all.length, found.length)
  }
  return all
}

export const one = (file: File): Picked => ({ file, path: file.name, size: file.size, modified: file.lastModified })

/** Of an input: `webkitRelativePath` where a folder was chosen. */
export const ofInput = (files: readonly File[], told?: Told): Promise<Picked[]> =>
  measured(files.map((file) => ({ file, path: file.webkitRelativePath === '' ? file.name : file.webkitRelativePath })), told)

/** Of a drop: folders are walked. */
export async function ofDrop(data: DataTransfer, told?: Told): Promise<{ picked: Picked[]; unreadable: string[] }> {
  const entries = [...data.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null)
  if (entries.length === 0) return { picked: await measured([...data.files].map((file) => ({ file, path: file.name })), told), unreadable: [] }
  const [found, unreadable]: [Found[], string[]] = [[], []]
  for (const entry of entries) await walk(entry, found, unreadable)
  return { picked: await measured(found, told), unreadable }
}

/** What cannot be read is named, and the rest goes on. */
async function walk(entry: FileSystemEntry, found: Found[], unreadable: string[]): Promise<void> {
  try {
    await open(entry, found, unreadable)
  } catch {
    unreadable.push(entry.fullPath.replace(/^\//, ''))
  }
}

async function open(entry: FileSystemEntry, found: Found[], unreadable: string[]): Promise<void> {
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject))
    found.push({ file, path: entry.fullPath.replace(/^\//, '') })
    return
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader()
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject))
    if (some.length === 0) return
    for (const one of some) await walk(one, found, unreadable)
  }
}
