/** Of whom a template may speak. */
export interface Person {
  readonly clientId: string
  readonly username: string | null
}

export type TemplatePart = string | { readonly capture: number } | { readonly person: 'c' | 'u' }

/**
 * Reads a topic in which `$1` to `$99` stand for captures, `%c` for the client id, `%u` for the user name and `%%` for a
 * percent sign. Whatever else `$` and `%` stand before is text.
 */
export function readTemplate(text: string): TemplatePart[] {
  const parts: TemplatePart[] = []
  let at = 0
  for (const { 0: found, index } of text.matchAll(/\$[1-9]\d?|%[cu%]/g)) {
    if (index > at) parts.push(text.slice(at, index))
    if (found === '%%') parts.push('%')
    else if (found[0] === '%') parts.push({ person: found[1] as 'c' | 'u' })
    else parts.push({ capture: Number(found.slice(1)) })
    at = index + found.length
  }
  if (at < text.length) parts.push(text.slice(at))
  return parts
}

/** The greatest number of a capture that a template asks for. */
export const capturesWanted = (parts: readonly TemplatePart[]): number =>
  parts.reduce((most, part) => (typeof part === 'object' && 'capture' in part ? Math.max(most, part.capture) : most), 0)

/** The template with its values; null when one is missing, or would be more than one level of a topic. */
export function filledIn(
  parts: readonly TemplatePart[],
  captures: readonly (string | null)[],
  who: Person,
): string | null {
  let text = ''
  for (const part of parts) {
    const value = typeof part === 'string' ? part : 'capture' in part ? captures[part.capture - 1] : nameOf(who, part)
    if (value === null || value === undefined) return null
    text += value
  }
  return text
}

/** Clients choose their names: none may reach into other topics by wildcards or slashes. */
function nameOf({ clientId, username }: Person, { person }: { person: 'c' | 'u' }): string | null {
  const name = person === 'c' ? clientId : username
  return name === null || name === '' || /[+#/\0]/.test(name) ? null : name
}
