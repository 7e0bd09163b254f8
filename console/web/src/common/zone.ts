/** The server's time zone (IANA name), which it writes into the page. */
const said = document.querySelector<HTMLMetaElement>('meta[name="liuhen-zone"]')?.content

export const zone = (): string => said ?? 'UTC'
