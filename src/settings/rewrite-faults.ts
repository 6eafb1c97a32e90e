import type { Code } from '../contract/codes.ts'
import { LinearPattern } from '../document/linear-pattern.ts'
import type { DocumentPath } from '../document/source-document.ts'
import type { RewriteFile } from './topic-schema.ts'

type Tell = (code: Code, path: DocumentPath, message: string) => void

/** What in the rules of `rewrite:` cannot work: E104 for a regular expression that is none, E109 for captures that are not there. */
export function rewriteFaults(rules: readonly RewriteFile[], tell: Tell): void {
  for (const [index, { from, regex, to }] of rules.entries()) {
    const place = `rewrite[${index}]`
    const pattern = regex === undefined ? null : LinearPattern.compile(regex)
    if (typeof pattern === 'string') {
      tell('E104', ['rewrite', index, 'regex'], `${place}.regex: ${pattern}`)
      continue
    }
    const wildcards = from.split('/').filter((level) => level === '+' || level === '#').length
    const captures = pattern?.groups ?? wildcards
    const wanted = Math.max(0, ...[...to.matchAll(/\$([1-9]\d?)/g)].map(([, digits]) => Number(digits)))
    if (wanted <= captures) continue
    const whose = pattern === null ? `wildcards in ${from}` : 'groups in the regex'
    tell('E109', ['rewrite', index, 'to'], `${place}.to: there is no $${wanted}; ${whose}: ${captures}`)
  }
}
