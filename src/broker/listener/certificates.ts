import { X509Certificate } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls'
import { TrestleError } from '../../contract/error.ts'
import type { TlsOptions } from './listener.ts'

/** Certificates and keys that are read and belong together. */
export interface CertificateSet {
  /** For clients that ask for no name, or for one that is not ours. */
  readonly options: SecureContextOptions
  readonly byName: ReadonlyMap<string, SecureContext>
  /** When the first of them ends. *Unit*: ms since the epoch. */
  readonly endsMs: number
  /** Their whole text, to tell whether others are others. */
  readonly text: string
}

/** Reads everything a TLS listener needs. `name` is the listener's, for faults. *Errors*: E110 with the file and what to do. */
export async function readCertificates(tls: TlsOptions, name: string): Promise<CertificateSet> {
  const read = (field: string, source: string) => readPem(source, `listener ${name}: tls.${field}`)
  const [cert, key] = [await read('cert', tls.cert), await read('key', tls.key)]
  const ca = tls.ca === undefined ? undefined : await read('ca', tls.ca)
  const crl = tls.crl === undefined ? undefined : await read('crl', tls.crl)
  const shared: SecureContextOptions = {
    ...(ca === undefined ? {} : { ca }),
    ...(crl === undefined ? {} : { crl }),
    minVersion: tls.minVersion === '1.3' ? 'TLSv1.3' : 'TLSv1.2',
  }
  const options = { ...shared, cert, key }
  makeContext(options, `listener ${name}: tls`)
  const byName = new Map<string, SecureContext>()
  const texts = [cert, key, ca ?? '', crl ?? '']
  let endsMs = endOf(cert)
  for (const entry of tls.sni ?? []) {
    const place = `listener ${name}: tls.sni ${entry.name}`
    const own = { cert: await readPem(entry.cert, `${place}: cert`), key: await readPem(entry.key, `${place}: key`) }
    byName.set(entry.name.toLowerCase(), makeContext({ ...shared, ...own }, place))
    texts.push(own.cert, own.key)
    endsMs = Math.min(endsMs, endOf(own.cert))
  }
  return { options, byName, endsMs, text: texts.join('\0') }
}

/** The context for the name a client asks for: exactly, or by a `*` in place of its first label. */
export function contextFor({ byName }: CertificateSet, name: string): SecureContext | undefined {
  const asked = name.toLowerCase()
  return byName.get(asked) ?? byName.get(asked.replace(/^[^.]+/, '*'))
}

/**
 * Calls back when one of the files has changed and all have come to rest: certificate and key are rarely written in one
 * moment. Looks at the files' times, which also sees links that were turned. Call the answer to end it.
 */
export function watchCertificates(tls: TlsOptions, everyMs: number, onChange: () => void): () => void {
  const files = [tls.cert, tls.key, tls.ca, tls.crl, ...(tls.sni ?? []).flatMap(({ cert, key }) => [cert, key])]
  const paths = files.filter((file): file is string => file !== undefined && !isText(file))
  let known: string | null = null
  let seen = ''
  const look = async (): Promise<void> => {
    const now = (await Promise.all(paths.map(timesOf))).join()
    const isAtRest = now === seen
    seen = now
    if (known === null) known = now
    else if (isAtRest && now !== known) {
      known = now
      onChange()
    }
  }
  void look()
  const timer = setInterval(() => void look(), everyMs).unref()
  return () => clearInterval(timer)
}

async function timesOf(path: string): Promise<string> {
  try {
    const { mtimeMs, size, ino } = await stat(path)
    return `${mtimeMs} ${size} ${ino}`
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'gone'
  }
}

/** Text of several lines is no path. */
const isText = (source: string): boolean => source.includes('\n')

async function readPem(source: string, place: string): Promise<string> {
  if (isText(source)) return source
  try {
    return await readFile(source, 'utf8')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    const why = code === 'ENOENT' ? 'there is no such file' : `it cannot be read (${code})`
    const advice = 'name a PEM file that the hub’s user may read'
    throw new TrestleError('E110', `${place}: ${source}: ${why}`, { detail: { place, advice }, cause })
  }
}

function makeContext(options: SecureContextOptions, place: string): SecureContext {
  try {
    return createSecureContext(options)
  } catch (cause) {
    const { code = '', message } = cause as NodeJS.ErrnoException
    const isOther = code.includes('KEY_VALUES_MISMATCH')
    const why = isOther
      ? 'the key is not that of the certificate'
      : `certificate, key, ca or crl cannot be used (${message})`
    const advice = isOther
      ? 'name the certificate and the key that belong together'
      : 'the files are PEM, the key has no passphrase'
    throw new TrestleError('E110', `${place}: ${why}`, { detail: { place, advice }, cause })
  }
}

const endOf = (cert: string): number => Date.parse(new X509Certificate(cert).validTo)
