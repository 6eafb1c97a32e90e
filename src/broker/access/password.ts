import { createHash, pbkdf2, randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

/**
 * A password as it is kept. *Shape*: `$scrypt$ln=14,r=8,p=1$<salt>$<hash>` as this hub writes it; `$7$<rounds>$<salt>$<hash>`
 * (PBKDF2-SHA512) and `$6$<salt>$<hash>` (SHA512) as mosquitto_passwd does. Salt and hash in base64.
 */
export interface PasswordHash {
  readonly text: string
  readonly salt: Buffer
  readonly hash: Buffer
  derive(password: Buffer, salt: Buffer, length: number): Promise<Buffer>
}

/** What one guess costs: 2^14 rounds over 16 MiB. *Source*: RFC 7914 §2. */
const cost = { ln: 14, r: 8, p: 1 }

/** Reads a kept password; null when it is of no form we know, or dearer than anybody writes. */
export function readPasswordHash(text: string): PasswordHash | null {
  const [, kind, ...parts] = text.split('$')
  const last = parts.at(-1) ?? ''
  const made = (salt: string | undefined, derive: PasswordHash['derive']): PasswordHash | null => {
    const both = [salt ?? '', last].map((part) => Buffer.from(part, 'base64'))
    return both.some((bytes) => bytes.length < 8) ? null : { text, salt: both[0]!, hash: both[1]!, derive }
  }
  if (kind === '6' && parts.length === 2) return made(parts[0], sha512)
  if (kind === '7' && parts.length === 3) {
    const rounds = Number(parts[0])
    return Number.isInteger(rounds) && rounds > 0 && rounds <= 10_000_000 ? made(parts[1], pbkdf2With(rounds)) : null
  }
  if (kind !== 'scrypt' || parts.length !== 3) return null
  const [, ln, r, p] = /^ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})$/.exec(parts[0]!) ?? []
  if (ln === undefined || Number(ln) < 1 || Number(ln) > 18 || Number(r) < 1 || Number(p) < 1) return null
  return made(parts[1], scryptWith(Number(ln), Number(r), Number(p)))
}

/** A password as it may be kept. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16)
  const hash = await scryptWith(cost.ln, cost.r, cost.p)(Buffer.from(password), salt, 32)
  return `$scrypt$ln=${cost.ln},r=${cost.r},p=${cost.p}$${plain(salt)}$${plain(hash)}`
}

export async function isPassword({ salt, hash, derive }: PasswordHash, password: Uint8Array): Promise<boolean> {
  return timingSafeEqual(await derive(Buffer.from(password), salt, hash.length), hash)
}

/** Takes as long as a real one and fits nothing: who asks for a name that is not there learns nothing by the clock. */
export const nobodysHash: PasswordHash = {
  text: '',
  salt: randomBytes(16),
  hash: randomBytes(32),
  derive: scryptWith(cost.ln, cost.r, cost.p),
}

const plain = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '')

function scryptWith(ln: number, r: number, p: number): PasswordHash['derive'] {
  const options = { N: 2 ** ln, r, p, maxmem: 256 * r * (2 ** ln + p) }
  return (password, salt, length) =>
    new Promise((resolve, reject) => {
      scrypt(password, salt, length, options, (error, key) => (error === null ? resolve(key) : reject(error)))
    })
}

const pbkdf2With =
  (rounds: number): PasswordHash['derive'] =>
  (password, salt, length) =>
    promisify(pbkdf2)(password, salt, rounds, length, 'sha512')

const sha512: PasswordHash['derive'] = async (password, salt, length) =>
  createHash('sha512').update(password).update(salt).digest().subarray(0, length)
