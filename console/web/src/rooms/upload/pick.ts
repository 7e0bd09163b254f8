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

const AT_ONCE = 100
/** Lets the page draw and listen between two pieces of long work. */
export const breath = (): Promise<unknown> => new Promise((resolve) => setTimeout(resolve))
type Found = Pick<Picked, 'file' | 'path'>

/** With size and time, so many at once: thousands keep the page alive. */
async function measured(found: readonly Found[]): Promise<Picked[]> {
  const all: Picked[] = []
  for (const { file, path } of found) {
    all.push({ file, path, size: file.size, modified: file.lastModified })
    if (all.length % AT_ONCE === 0) await breath()
  }
  return all
}

export const one = (file: File): Picked => ({ file, path: file.name, size: file.size, modified: file.lastModified })

/** Of an input: `webkitRelativePath` where a folder was chosen. */
export const ofInput = (files: readonly File[]): Promise<Picked[]> =>
  measured(files.map((file) => ({ file, path: file.webkitRelativePath === '' ? file.name : file.webkitRelativePath })))

/** Of a drop: folders are walked. */
export async function ofDrop(data: DataTransfer): Promise<{ picked: Picked[]; unreadable: string[] }> {
  const entries = [...data.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null)
  if (entries.length === 0) return { picked: await measured([...data.files].map((file) => ({ file, path: file.name }))), unreadable: [] }
  const [found, unreadable]: [Found[], string[]] = [[], []]
  for (const entry of entries) await walk(entry, found, unreadable)
  return { picked: await measured(found), unreadable }
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
