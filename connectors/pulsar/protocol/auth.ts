import { readFile } from 'node:fs/promises'
import { PulsarFault } from './fault.ts'
import { type Fetch, OAuth2Tokens } from './oauth2.ts'

/**
 * Credentials as a connection needs them. `data` is asked when it connects and again whenever the broker challenges
 * (tokens run out), so it must answer what is valid now.
 */
export interface Auth {
  /** The name the broker knows it by; empty: no login. */
  readonly method: string
  /** *Errors*: PulsarFault `auth`. */
  data(): Promise<Uint8Array>
}

/** Where credentials come from. Files and the environment are read anew each time, so that a rotated token is taken up. */
export type AuthSettings =
  | { readonly type: 'none' }
  | { readonly type: 'token'; readonly token: string }
  | { readonly type: 'token-file'; readonly path: string }
  | { readonly type: 'token-env'; readonly variable: string }
  | { readonly type: 'basic'; readonly username: string; readonly password: string }
  /** The client certificate of the TLS settings is the login. */
  | { readonly type: 'tls' }
  | {
      readonly type: 'oauth2'
      readonly issuerUrl: string
      readonly clientId: string
      readonly clientSecret: string
      readonly audience?: string | undefined
      readonly scope?: string | undefined
    }

export function authOf(settings: AuthSettings, fetcher: Fetch = fetch): Auth {
  switch (settings.type) {
    case 'none':
      return fixed('', '')
    case 'token':
      return fixed('token', settings.token)
    case 'token-file':
      return { method: 'token', data: () => tokenOfFile(settings.path) }
    case 'token-env':
      return { method: 'token', data: async () => tokenOfEnvironment(settings.variable) }
    case 'basic':
      return fixed('basic', `${settings.username}:${settings.password}`)
    case 'tls':
      return fixed('tls', '')
    case 'oauth2': {
      const tokens = new OAuth2Tokens(settings, fetcher)
      return { method: 'token', data: async () => Buffer.from(await tokens.token()) }
    }
  }
}

function fixed(method: string, text: string): Auth {
  const bytes = Buffer.from(text)
  return { method, data: async () => bytes }
}

async function tokenOfFile(path: string): Promise<Uint8Array> {
  try {
    return Buffer.from((await readFile(path, 'utf8')).trim())
  } catch (cause) {
    throw new PulsarFault('auth', path, `the token cannot be read from ${path}`, { cause })
  }
}

function tokenOfEnvironment(variable: string): Uint8Array {
  const token = process.env[variable]
  if (token) return Buffer.from(token.trim())
  throw new PulsarFault('auth', variable, `the environment variable ${variable} holds no token`)
}
