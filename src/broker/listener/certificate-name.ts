import type { PeerCertificate } from 'node:tls'

/** What of a certificate may name a client. */
export type CertificateField = 'cn' | 'dns' | 'email' | 'subject' | 'fingerprint'

/**
 * The name a client's certificate gives it; null when the field is missing, stands there twice, or holds what no name
 * may hold. *Shape*: `subject` as `C=NO,O=Works,CN=press-1`, `fingerprint` as SHA-256 in small hex digits.
 */
export function certificateName(certificate: PeerCertificate, field: CertificateField): string | null {
  const name = pick(certificate, field)
  return name === null || name === '' || hasControl(name) ? null : name
}

function pick(certificate: PeerCertificate, field: CertificateField): string | null {
  if (field === 'fingerprint') return certificate.fingerprint256.replaceAll(':', '').toLowerCase()
  if (field === 'cn') return only(certificate.subject.CN)
  if (field === 'subject') return subjectOf(certificate)
  return alternative(certificate.subjectaltname ?? '', field === 'dns' ? 'DNS' : 'email')
}

const only = (value: string | string[] | undefined): string | null => (typeof value === 'string' ? value : null)

const subjectOf = ({ subject }: PeerCertificate): string =>
  Object.entries(subject as unknown as Record<string, string | string[]>)
    .flatMap(([key, value]) => [value].flat().map((one) => `${key}=${one.replace(/[\\,=]/g, '\\$&')}`))
    .join(',')

/** The first of its kind. Values with commas or quotes come in quotes (CVE-2021-44532) and are passed over. */
function alternative(text: string, kind: 'DNS' | 'email'): string | null {
  const prefix = `${kind}:`
  const found = text.split(', ').find((part) => part.startsWith(prefix) && !part.includes('"'))
  return found === undefined || text.includes('"') ? null : found.slice(prefix.length)
}

/** Control characters, and those outside of Unicode's planes. */
const hasControl = (name: string): boolean => /[\p{Cc}\p{Cs}]/u.test(name)
