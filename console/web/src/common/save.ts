/** Gives the person a file that this page made; nothing of it leaves the computer. */
export const saveJson = (value: unknown, name: string): void => saveText(JSON.stringify(value, null, 1), name, 'application/json')

/** The same for a text of another kind. */
export function saveText(text: string, name: string, type: string): void {
  const address = URL.createObjectURL(new Blob([text], { type }))
  download(address, name)
  URL.revokeObjectURL(address)
}

/** As if a link to this address were followed to save it; the server's own name wins over an empty one. */
export function download(address: string, name = ''): void {
  const link = document.createElement('a')
  link.href = address
  link.download = name
  link.click()
}
