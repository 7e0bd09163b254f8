/** Files from what was dropped or chosen, with their folders. */

export interface Picked {
  file: File
  path: string
}

/** Of an input: `webkitRelativePath` where a folder was chosen. */
export const ofInput = (list: FileList | null): Picked[] =>
  [...(list ?? [])].map((file) => ({ file, path: file.webkitRelativePath === '' ? file.name : file.webkitRelativePath }))

/** Of a drop: folders are walked. */
export async function ofDrop(data: DataTransfer): Promise<{ picked: Picked[]; unreadable: string[] }> {
  const entries = [...data.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null)
  if (entries.length === 0) return { picked: [...data.files].map((file) => ({ file, path: file.name })), unreadable: [] }
  const [picked, unreadable]: [Picked[], string[]] = [[], []]
  for (const entry of entries) await walk(entry, picked, unreadable)
  return { picked, unreadable }
}

/** What cannot be read is named, and the rest goes on. */
async function walk(entry: FileSystemEntry, found: Picked[], unreadable: string[]): Promise<void> {
  try {
    await open(entry, found, unreadable)
  } catch {
    unreadable.push(entry.fullPath.replace(/^\//, ''))
  }
}

async function open(entry: FileSystemEntry, found: Picked[], unreadable: string[]): Promise<void> {
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
