import { nkeys } from '@nats-io/transport-node'

type KeyPair = ReturnType<typeof nkeys.createUser>

/** An operator with one account and one user, as `nsc` would make them. */
export interface Operator {
  /** Lines of the server's configuration. */
  readonly settings: string
  /** The user's credentials file. */
  readonly creds: string
  readonly jwt: string
  readonly seed: string
}

/** *Source*: NATS docs, "JWT", version 2 claims. */
export function makeOperator(): Operator {
  const [operator, account, user] = [nkeys.createOperator(), nkeys.createAccount(), nkeys.createUser()]
  const system = nkeys.createAccount()
  const operatorToken = token(operator, operator, { type: 'operator', version: 2 })
  const limits = { subs: -1, data: -1, payload: -1, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 }
  const storage = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 }
  const accountClaims = { limits: { ...limits, ...storage }, type: 'account', version: 2 }
  const accountToken = token(account, operator, accountClaims)
  const userClaims = { subs: -1, data: -1, payload: -1, pub: {}, sub: {}, type: 'user', version: 2 }
  const jwt = token(user, account, userClaims)
  const seed = new TextDecoder().decode(user.getSeed())
  // JetStream does not start without an account of the server's own.
  const systemToken = token(system, operator, { limits, type: 'account', version: 2 })
  const known = [account, system].map((pair) => pair.getPublicKey())
  const preload = `resolver_preload: { ${known[0]}: "${accountToken}", ${known[1]}: "${systemToken}" }`
  const frame = (what: string, text: string): string => `-----BEGIN ${what}-----\n${text}\n------END ${what}------\n\n`
  return {
    settings: `operator: "${operatorToken}"\nsystem_account: ${known[1]}\nresolver: MEMORY\n${preload}`,
    creds: frame('NATS USER JWT', jwt) + frame('USER NKEY SEED', seed),
    jwt,
    seed,
  }
}

function token(subject: KeyPair, issuer: KeyPair, nats: object): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const claims = {
    jti: subject.getPublicKey(),
    iat: 1_700_000_000,
    iss: issuer.getPublicKey(),
    name: 'test',
    sub: subject.getPublicKey(),
    nats,
  }
  const signed = `${part({ typ: 'JWT', alg: 'ed25519-nkey' })}.${part(claims)}`
  return `${signed}.${Buffer.from(issuer.sign(Buffer.from(signed))).toString('base64url')}`
}
