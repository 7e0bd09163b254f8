/** Gives the person a file that this page made; nothing of it leaves the computer. */
export function saveJson(value: unknown, name: string): void {
  const address = URL.createObjectURL(new Blob([JSON.stringify(value, null, 1)], { type: 'application/json' }))
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
