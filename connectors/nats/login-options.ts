import { tlsFields } from 'trestle/contract'

/** Options of TLS and of proving who one is. */

export const tlsSchema = {
  type: 'object',
  additionalProperties: false,
  description:
    'Insist on TLS; an empty object trusts the usual authorities. Values are PEM texts or paths of PEM files.',
  properties: {
    ...tlsFields('server'),
    first: {
      type: 'boolean',
      default: false,
      description: 'Begin with TLS at once, before the server has said anything (`handshake_first` of the server).',
    },
  },
  examples: [{ ca: '/etc/trestle/nats-ca.pem' }],
} as const

const secret = (description: string, example: string) =>
  ({ type: 'string', secret: true, description, examples: [example] }) as const

export const authSchema = {
  type: 'object',
  additionalProperties: false,
  description: 'Prove who the hub is: by user and password, token, nkey, credentials file, or JWT.',
  properties: {
    user: { type: 'string', description: 'The user.' },
    password: secret('The password of the user.', '${env:NATS_PASSWORD}'),
    token: secret('The token.', '${env:NATS_TOKEN}'),
    nkey: secret('The seed of an nkey (`SU…`).', '${env:NATS_SEED}'),
    creds: {
      type: 'string',
      format: 'path',
      secret: true,
      description: 'A credentials file (JWT and seed), or its text.',
      examples: ['/etc/trestle/hub.creds'],
    },
    jwt: secret('A user JWT; with `nkey`, unless it is a bearer token.', '${env:NATS_JWT}'),
  },
  examples: [{ user: 'hub', password: '${env:NATS_PASSWORD}' }],
} as const
