import { answers } from './view.ts'

/** What the OpenAPI document says of a route. */
export const describe = (summary: string, answer: object, parts: object = {}): object => ({
  summary,
  tags: ['schema registry'],
  ...parts,
  response: { 200: { description: summary, ...answer }, '4xx': { description: 'Refused', ...answers.error } },
})
