import type { FastifyInstance } from 'fastify'
import type { XStatic } from 'typebox/schema'
import { TrestleError } from '../../contract/error.ts'
import type { ApiContext } from '../context.ts'
import { deadLetterView } from '../message-view.ts'
import {
  deadLetterChoiceSchema,
  deadLetterListSchema,
  deadLetterQuerySchema,
  deadLetterSchema,
  discardedSchema,
  errorSchema,
  idSchema,
  replayedSchema,
} from '../schemas.ts'

type Query = XStatic<typeof deadLetterQuerySchema>
type Choice = XStatic<typeof deadLetterChoiceSchema>

const tags = ['dead letters']

/** /api/dead-letters: list, show, replay, discard. */
export function addDeadLetters(app: FastifyInstance, context: ApiContext): void {
  const list = {
    summary: 'What could not be delivered, oldest first',
    tags,
    querystring: deadLetterQuerySchema,
    response: { 200: deadLetterListSchema },
  }
  app.get<{ Querystring: Query }>('/api/dead-letters', { schema: list }, (request) =>
    context.hub.deadLetters.list({ ...request.query }),
  )
  const show = {
    summary: 'One dead letter with its bytes',
    tags,
    params: idSchema,
    response: { 200: deadLetterSchema, 404: errorSchema },
  }
  app.get<{ Params: { id: string } }>('/api/dead-letters/:id', { schema: show }, async ({ params: { id } }) => {
    const letter = await context.hub.deadLetters.show(id)
    if (letter === null) throw new TrestleError('E702', `there is no dead letter '${id}'`)
    return deadLetterView(letter)
  })
  const replay = {
    summary: 'Owe dead letters to their sinks again, in order',
    tags,
    body: deadLetterChoiceSchema,
    response: { 200: replayedSchema, 400: errorSchema },
  }
  app.post<{ Body: Choice }>('/api/dead-letters/replay', { schema: replay }, (request) =>
    context.hub.deadLetters.replay(checkChoice(request.body)),
  )
  const discard = {
    summary: 'Forget dead letters for good',
    tags,
    body: deadLetterChoiceSchema,
    response: { 200: discardedSchema, 400: errorSchema },
  }
  app.post<{ Body: Choice }>('/api/dead-letters/discard', { schema: discard }, (request) =>
    context.hub.deadLetters.discard(checkChoice(request.body)),
  )
}

/** Nothing chosen must never mean everything. *Errors*: E703. */
function checkChoice(choice: Choice): Choice {
  const some = choice.ids !== undefined || choice.sink !== undefined || choice.rule !== undefined
  if (some === (choice.all === true)) {
    throw new TrestleError('E703', 'say which dead letters: `ids`, or `sink` and/or `rule`, or `all: true` alone')
  }
  if (choice.ids !== undefined && (choice.sink !== undefined || choice.rule !== undefined)) {
    throw new TrestleError('E703', '`ids` already say which; leave out `sink` and `rule`')
  }
  return choice
}
