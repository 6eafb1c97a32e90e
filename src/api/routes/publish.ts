import type { FastifyInstance } from 'fastify'
import type { XStatic } from 'typebox/schema'
import { TrestleError } from '../../contract/error.ts'
import type { MessageProperties } from '../../contract/message.ts'
import type { ApiContext } from '../context.ts'
import { errorSchema, type propertiesSchema, publishSchema, receiptSchema } from '../schemas.ts'

type Body = XStatic<typeof publishSchema>
type Properties = XStatic<typeof propertiesSchema>

/** POST /api/publish: one message, the same way as from a device. */
export function addPublish(app: FastifyInstance, context: ApiContext): void {
  const schema = {
    summary: 'Publish one message; the answer means what a PUBACK would',
    tags: ['messages'],
    body: publishSchema,
    response: { 200: receiptSchema, 400: errorSchema, 422: errorSchema, 503: errorSchema },
  }
  app.post<{ Body: Body }>('/api/publish', { schema }, async ({ body }) => {
    const { outcome, place, error } = await context.hub.publish({
      topic: body.topic,
      payload: payloadOf(body),
      qos: body.qos ?? 1,
      retain: body.retain ?? false,
      properties: body.properties === undefined ? null : propertiesOf(body.properties),
    })
    if (error !== null) throw error
    return { outcome, place }
  })
}

function payloadOf({ payload, payloadBase64 }: Body): Uint8Array {
  if (payload !== undefined && payloadBase64 !== undefined) {
    throw new TrestleError('E703', 'give `payload` or `payloadBase64`, not both')
  }
  if (payloadBase64 !== undefined) return bytesOf('payloadBase64', payloadBase64)
  return Buffer.from(payload ?? '', 'utf8')
}

function propertiesOf({ correlationDataBase64, user, ...rest }: Properties): MessageProperties {
  const properties: MessageProperties = rest
  if (correlationDataBase64 !== undefined) {
    properties.correlationData = bytesOf('correlationDataBase64', correlationDataBase64)
  }
  // The schema has seen to it that each entry is a pair.
  if (user !== undefined) properties.user = user.map((pair) => [pair[0]!, pair[1]!] as const)
  return properties
}

/** Node's decoder skips what it does not know, which would change the message in silence. *Errors*: E703. */
function bytesOf(field: string, text: string): Uint8Array {
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text)) {
    throw new TrestleError('E703', `\`${field}\` is not base64`)
  }
  return Buffer.from(text, 'base64')
}
