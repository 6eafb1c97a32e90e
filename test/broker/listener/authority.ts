import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A certificate and its key, as files. */
export interface Pair {
  readonly cert: string
  readonly key: string
}

/** An authority made for one test run by openssl: signs certificates, revokes them. */
export class Authority {
  readonly folder = mkdtempSync(join(tmpdir(), 'trestle-tls-'))
  readonly cert = join(this.folder, 'ca.pem')
  readonly crl = join(this.folder, 'ca.crl')
  readonly #key = join(this.folder, 'ca.key')
  readonly #config = join(this.folder, 'ca.cnf')

  constructor(name = 'Test Authority') {
    this.#openssl(
      'req',
      '-x509',
      ...newKey,
      '-keyout',
      this.#key,
      '-out',
      this.cert,
      '-days',
      '2',
      '-subj',
      `/CN=${name}`,
    )
    writeFileSync(join(this.folder, 'index.txt'), '')
    writeFileSync(join(this.folder, 'crlnumber'), '01\n')
    writeFileSync(
      this.#config,
      `[ca]\ndefault_ca=own\n[own]\ndatabase=${this.folder}/index.txt\ncrlnumber=${this.folder}/crlnumber\ndefault_md=sha256\ndefault_crl_days=2\n`,
    )
    this.writeCrl()
  }

  /** Signs a certificate; its files are `<file>.pem` and `<file>.key`. */
  sign(file: string, { subject = `/CN=${file}`, names = 'IP:127.0.0.1,DNS:localhost' } = {}): Pair {
    const pair = { cert: join(this.folder, `${file}.pem`), key: join(this.folder, `${file}.key`) }
    const request = join(this.folder, `${file}.csr`)
    this.#openssl(
      'req',
      ...newKey,
      '-keyout',
      pair.key,
      '-out',
      request,
      '-subj',
      subject,
      '-addext',
      `subjectAltName=${names}`,
    )
    this.#openssl(
      'x509',
      '-req',
      '-in',
      request,
      '-CA',
      this.cert,
      '-CAkey',
      this.#key,
      '-CAcreateserial',
      '-days',
      '2',
      '-copy_extensions',
      'copy',
      '-out',
      pair.cert,
    )
    return pair
  }

  revoke({ cert }: Pair): void {
    this.#openssl('ca', '-config', this.#config, '-cert', this.cert, '-keyfile', this.#key, '-revoke', cert)
    this.writeCrl()
  }

  writeCrl(): void {
    this.#openssl('ca', '-config', this.#config, '-cert', this.cert, '-keyfile', this.#key, '-gencrl', '-out', this.crl)
  }

  read(file: string): string {
    return readFileSync(file, 'utf8')
  }

  dispose(): void {
    rmSync(this.folder, { recursive: true })
  }

  #openssl(...args: string[]): void {
    execFileSync('openssl', args, { stdio: 'pipe' })
  }
}

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
