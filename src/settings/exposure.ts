import type { Code } from '../contract/codes.ts'
import type { Fault } from '../document/fault.ts'
import type { DocumentPath, SourceDocument } from '../document/source-document.ts'
import { isLoopback, readAddress } from './address.ts'
import { listenerFaults } from './listener-faults.ts'
import type { ListenerFile } from './listener-schema.ts'
import { rewriteFaults } from './rewrite-faults.ts'
import type { SettingsFile } from './schema.ts'

/**
 * What is well-formed and still not acceptable: doors that the world can walk through (E108), and settings that
 * contradict each other (E109).
 */
export function exposureFaults(document: SourceDocument, settings: SettingsFile): Fault[] {
  const faults: Fault[] = []
  const tell = (code: Code, path: DocumentPath, message: string) =>
    faults.push({ file: document.file, ...document.at(path), code, message })
  const { listeners, access, api, registry } = settings
  const taken = new Map<string, string>()
  const sockets = new Set<string>()
  const place = (path: DocumentPath, name: string, address: string) => {
    const where = readAddress(address)
    if (where === null) return tell('E104', path, `${name}: a port is at most 65535`)
    const other = taken.get(address)
    if (where.port !== 0 && other !== undefined) tell('E109', path, `${name}: ${other} listens on ${address} already`)
    taken.set(address, name)
    return isLoopback(where.host)
  }

  rewriteFaults(settings.rewrite, tell)
  for (const [index, listener] of listeners.entries()) {
    listenerFaults(listener, index, tell)
    const { address, socket = '', tls } = listener
    const name = `listeners[${index}].address`
    // A file of this machine is as near as its loopback.
    if (address === undefined) {
      if (sockets.has(socket)) tell('E109', ['listeners', index, 'socket'], `listeners[${index}].socket: given twice`)
      sockets.add(socket)
      continue
    }
    const local = place(['listeners', index, 'address'], name, address)
    if (tls?.client_cert === 'require') continue
    if (local === false && access.anonymous && !access.anonymous_anywhere) {
      const advice =
        'say `anonymous_anywhere: true` under `access` too, ask for certificates (`client_cert: require`), or listen on 127.0.0.1'
      tell('E108', ['listeners', index, 'address'], `${name}: anybody could connect at ${address}; ${advice}`)
    }
  }
  if ((registry.type === 'confluent') !== (registry.url !== undefined)) {
    const why =
      registry.url === undefined
        ? '`confluent` needs the `url` of the other registry'
        : 'only `type: confluent` has a url'
    tell('E109', ['registry', registry.url === undefined ? 'type' : 'url'], `registry: ${why}`)
  }
  const isCertified = (one: ListenerFile) => one.tls?.client_cert === 'require'
  if (!listeners.every(isCertified) && !access.anonymous && access.users === undefined) {
    const advice = '`access: { anonymous: true }` lets everyone on this machine in, `users` those with a password'
    tell('E109', ['access'], `access: there are listeners but nobody may connect; ${advice}`)
  }
  if (place(['api', 'address'], 'api.address', api.address) === false && api.token === undefined) {
    const advice = 'set `api.token`, or listen on 127.0.0.1'
    tell('E108', ['api', 'address'], `api.address: anybody could command the hub at ${api.address}; ${advice}`)
  }
  return faults
}
