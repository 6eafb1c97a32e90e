/** What the page of the rules says of those that keep a state per key. */
import { markdownTable } from '../src/document/markdown.ts'
import { type AggregateKind, aggregates } from '../src/engine/state/aggregate.ts'

const meanings: Readonly<Record<AggregateKind, string>> = {
  count: 'How many messages; with a condition, for how many it is true.',
  sum: 'Of a number.',
  min: 'The smallest.',
  max: 'The largest.',
  mean: 'The arithmetic mean.',
  stddev: 'The standard deviation of a sample; null of less than two.',
  first: 'The first, of any data up to 4,096 characters of JSON.',
  last: 'The last, likewise.',
}

const example = `\`\`\`yaml
once: { by: "\${payload.id}", within: 10m }                     # of a message and its repeats, one
changed: { value: payload.t, by_more_than: 0.5, at_least_every: 10m }   # a deadband, and a sign of life
at_most: { every: 10s, by: "\${device}" }                       # a throttle
at_most: { every: 10s, by: "\${device}", keep: last }           # a sample at the end of each 10 s
window: { every: 1m, by: "\${device}", values: { mean: mean(payload.t), worst: max(payload.t), n: count() } }
\`\`\``

/** The section. */
export const state = (): string => `## State

\`once\`, \`changed\`, \`at_most\` and \`window\` remember something for each key, which \`by\` names; without it, for each topic.

${example}

A rule may have several; a message that one of them drops leaves no trace in any. After a \`window\`, expressions see its result and not the single messages: \`payload\` has the values and

${markdownTable(
  ['Field', 'Meaning'],
  [
    ['`key`', 'What `by` gave.'],
    ['`start`, `end`', 'Of the window, RFC 3339; windows begin at multiples of `every` since 1970, in UTC.'],
    [
      '`partial`',
      'Closed early, because of a limit or a reload: what comes later in the same window is another part, and the parts add up.',
    ],
  ],
)}
Topic, captures and client are those of the last message it took; \`let\` names belong to the single messages.

${markdownTable(
  ['Value', 'Meaning'],
  Object.keys(aggregates).map((kind) => [`\`${kind}(…)\``, meanings[kind as AggregateKind]]),
)}
A number that is null is passed over; of none, all but \`count\` and \`sum\` are null. Anything else that is no number refuses the message.

**Time** is the arrival at the hub. A message that comes when its window is closed counts in the oldest that is not.

**Acknowledged** is what is on disk: a message that is gathered is acknowledged when the journal has it, and is in its window's result whatever happens, once: \`kill -9\`, a failing disk, a restart, a reload. A
repeat that is dropped is acknowledged when the message it repeats is on disk. A result is sent on when its window ends; if a sink's buffer is full or the journal takes nothing, when it can be.

**At a reload** the state goes on where the clause is as it was. Windows of a rule that is gone or gathers in another way are sent on at once by the rule as it was, \`partial: true\`; if that happened while
the hub was down, each becomes a dead letter with its values so far. Sent again (\`trestle dead-letters replay\`), a result goes on where it was stopped: through what of its rule comes after the \`window\`.

**Bounded** by \`max_keys\` and, for all rules together, \`limits.max_state_bytes\`. At the bound, \`once\`, \`changed\` and \`at_most\` forget the key that passed longest ago, whose next message may pass once more;
windows are closed early, the oldest first. Where that cannot keep up publishers wait (0x97). \`trestle status --rules\` shows keys, size and what the bounds have done.
`
