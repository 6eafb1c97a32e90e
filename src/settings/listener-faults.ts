import type { Code } from '../contract/codes.ts'
import type { DocumentPath } from '../document/source-document.ts'
import { isNetwork } from './access-rules.ts'
import type { ListenerFile } from './listener-schema.ts'

type Type = ListenerFile['type']
type Tell = (code: Code, path: DocumentPath, message: string) => void

/** Which types have a field that not all have. */
const owners = {
  address: ['tcp', 'tls', 'websocket', 'wss'],
  socket: ['unix'],
  mode: ['unix'],
  path: ['websocket', 'wss'],
  origins: ['websocket', 'wss'],
  tls: ['tls', 'wss'],
  username_from: ['tls', 'wss'],
} as const satisfies Partial<Record<keyof ListenerFile, readonly Type[]>>

const needed = {
  tcp: ['address'],
  tls: ['address', 'tls'],
  websocket: ['address'],
  wss: ['address', 'tls'],
  unix: ['socket'],
} as const satisfies Record<Type, readonly (keyof ListenerFile)[]>

/** What in one listener does not go together: E105 for what its type needs, E109 for what it cannot use. */
export function listenerFaults(listener: ListenerFile, index: number, tell: Tell): void {
  const { type, tls } = listener
  const at = (...path: DocumentPath): DocumentPath => ['listeners', index, ...path]
  const name = `listeners[${index}]`
  for (const field of needed[type]) {
    if (listener[field] === undefined)
      tell('E105', at(), `\`${name}.${field}\` is missing (a ${type} listener needs it)`)
  }
  for (const [field, types] of Object.entries(owners) as [keyof typeof owners, readonly Type[]][]) {
    if (listener[field] === undefined || types.includes(type)) continue
    const has = types.map((one) => `\`${one}\``).join(' and ')
    tell(
      'E109',
      at(field),
      `${name}.${field}: only ${has} ${types.length === 1 ? 'has' : 'have'} it, this is \`${type}\``,
    )
  }
  const wish = tls?.client_cert ?? 'none'
  if (wish !== 'none' && tls?.ca === undefined) {
    tell(
      'E109',
      at('tls', 'client_cert'),
      `${name}.tls.client_cert: \`${wish}\` needs \`ca\`, the authority that signs certificates of clients`,
    )
  }
  if (wish === 'none' && tls?.crl !== undefined) {
    tell('E109', at('tls', 'crl'), `${name}.tls.crl: no certificate is asked for; set \`client_cert\``)
  }
  if (tls !== undefined && wish === 'none' && listener.username_from !== undefined) {
    tell('E109', at('username_from'), `${name}.username_from: no certificate is asked for; set \`tls.client_cert\``)
  }
  proxyFaults(listener, name, at, tell)
}

function proxyFaults(
  { type, proxy_protocol: proxy }: ListenerFile,
  name: string,
  at: (...path: DocumentPath) => DocumentPath,
  tell: Tell,
): void {
  if (proxy === undefined) return
  if (proxy.trusted.length === 0 && type !== 'unix') {
    tell('E109', at('proxy_protocol'), `${name}.proxy_protocol: it trusts nobody; name the proxies under \`trusted\``)
  }
  for (const [entry, text] of proxy.trusted.entries()) {
    if (isNetwork(text)) continue
    const place = at('proxy_protocol', 'trusted', entry)
    tell('E104', place, `${name}.proxy_protocol.trusted[${entry}]: ${text} is no address and no network`)
  }
}
