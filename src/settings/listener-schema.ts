import { type Static, Type } from 'typebox'
import { address, count, milliseconds, oneOf, path } from './fields.ts'

const closed = { additionalProperties: false }

/** A PEM text, or the path of a PEM file. */
const pem = (description: string) =>
  path({ description: `${description} A PEM file (or its text).`, expects: 'a path or PEM text' })

const Sni = Type.Object(
  {
    name: Type.String({
      description: 'The name; `*.` in front stands for any one label.',
      pattern: '^(\\*\\.)?[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+)*$',
      expects: 'a host name, or one that begins with *.',
      examples: ['mqtt.example.com', '*.example.com'],
    }),
    cert: pem('The certificate for that name.'),
    key: pem('Its private key.'),
  },
  { ...closed, description: 'A certificate for those who ask for another name.' },
)

const Tls = Type.Object(
  {
    cert: pem('The certificate the hub shows, with those that lead to its authority.'),
    key: pem('Its private key, without a passphrase.'),
    ca: Type.Optional(pem('The authority that signs certificates of clients.')),
    client_cert: Type.Optional(
      oneOf(['none', 'request', 'require'], {
        description:
          '`request`: a client may show a certificate, which must be good then. `require`: nobody comes in without one. Default: `none`.',
      }),
    ),
    crl: Type.Optional(pem('Certificates of clients that are no longer good.')),
    min_version: Type.Optional(
      oneOf(['1.2', '1.3'], { description: 'The oldest version of TLS that is spoken. Default: `1.2`.' }),
    ),
    sni: Type.Optional(Type.Array(Sni, { description: 'Certificates for other names that clients ask for.' })),
  },
  { ...closed, description: 'For `tls` and `wss`. Files that change are read anew; nobody is dropped.' },
)

const ProxyProtocol = Type.Object(
  {
    trusted: Type.Array(
      Type.String({
        pattern: '^[0-9A-Fa-f.:]+(/\\d{1,3})?$',
        expects: 'an address, or a network such as 10.0.0.0/8',
        examples: ['10.0.0.5', '10.0.0.0/8', 'fd00::/8'],
      }),
      {
        description:
          'The proxies, by address or network. Connections from there must begin with a header of version 1 or 2, which tells the client’s own address; from elsewhere none is read. Whoever comes by a Unix socket is trusted.',
        default: [],
      },
    ),
  },
  { ...closed, description: 'Proxies in front of the hub that speak the PROXY protocol.' },
)

/** One entry of `listeners`. What goes with which type is checked by `listener-faults.ts`. */
export const Listener = Type.Object(
  {
    type: oneOf(['tcp', 'tls', 'websocket', 'wss', 'unix'], {
      description:
        'MQTT over plain TCP, over TLS, over WebSocket (binary frames), over WebSocket and TLS, or over a Unix socket.',
    }),
    name: Type.Optional(
      Type.String({
        description: 'What the log and access call it. Default: the type.',
        minLength: 1,
        maxLength: 64,
        examples: ['plant-floor'],
      }),
    ),
    address: Type.Optional(address({ description: 'Where to listen; for all but `unix`.' })),
    socket: Type.Optional(
      path({
        description: 'The file of the socket, for `unix`. One that a crash left behind is removed.',
        examples: ['/run/trestle/mqtt.sock'],
      }),
    ),
    mode: Type.Optional(
      Type.String({
        description: 'Permissions of that file. Default: `"0600"`.',
        pattern: '^0?[0-7]{3}$',
        expects: 'octal digits in quotes, such as "0660"',
        examples: ['0660'],
      }),
    ),
    path: Type.Optional(
      Type.String({
        description: 'Path of the WebSocket; for `websocket` and `wss`. Default: `/mqtt`.',
        pattern: '^/',
        expects: 'a path that begins with /',
        examples: ['/mqtt'],
      }),
    ),
    origins: Type.Optional(
      Type.Array(Type.String({ pattern: '^https?://[^/]+$', expects: 'an origin such as https://app.example.com' }), {
        description:
          'Web pages that may connect, by origin; for `websocket` and `wss`. Without it all may. Programs that are no browser send no origin and are let in.',
        examples: [['https://app.example.com']],
      }),
    ),
    tls: Type.Optional(Tls),
    username_from: Type.Optional(
      oneOf(['cn', 'dns', 'email', 'subject', 'fingerprint'], {
        description:
          'What of the client’s certificate is its username, in place of what its CONNECT says: common name, first DNS name or e-mail address, whole subject (`O=Works,CN=press-1`), or SHA-256 fingerprint. A certificate without it is turned away.',
      }),
    ),
    proxy_protocol: Type.Optional(ProxyProtocol),
    max_connections: Type.Optional(
      count({
        description: 'Connections by this listener. Default: `limits.max_connections`, which holds for all together.',
      }),
    ),
    max_handshakes: Type.Optional(
      count({
        description:
          'Connections whose CONNECT is not accepted yet. When one more comes, the oldest of them gives way. Default: 10000.',
      }),
    ),
    handshake_timeout_ms: Type.Optional(
      milliseconds({
        description: 'For proxy header, TLS and WebSocket handshake together. Default: `connect_timeout_ms`.',
      }),
    ),
    connect_timeout_ms: Type.Optional(
      milliseconds({ description: 'For a whole CONNECT after that. Default: `limits.connect_timeout_ms`.' }),
    ),
  },
  { ...closed, description: 'One door for MQTT clients.' },
)

export type ListenerFile = Static<typeof Listener>
