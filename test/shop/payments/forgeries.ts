/** Posts in a provider's name that it never made, or not so, or not now. */
import { signatureHeader, signatureOf } from '../../../src/shop/payments/sandbox-signature.ts'
import type { Dice } from '../../support/dice.ts'
import type { Post } from '../shop-world.ts'
import type { Letter } from './postbag.ts'

/** What the shop must say to it. */
export type Forgery = { readonly post: Post; readonly answer: 'forged' | 'ignored' }

type Signing = { readonly secret: string; readonly nowMs: number }

export function signed(body: string, { secret, nowMs }: Signing): Post {
  return { body, headers: { [signatureHeader]: signatureOf(body, secret, nowMs) } }
}

/** One of the ways to forge a post (FAULTS.md, 61; attacks 39 and 40). */
export function forge({ body }: Letter, signing: Signing, dice: Dice): Forgery {
  const { nowMs, secret } = signing
  const genuine = signed(body, signing)
  const header = genuine.headers[signatureHeader] as string
  const withHeader = (text: string) => ({ body, headers: { [signatureHeader]: text } })
  const ways: readonly (() => Forgery)[] = [
    () => ({ post: signed(body, { nowMs, secret: `${secret.slice(1)}0` }), answer: 'forged' }),
    () => ({ post: { ...genuine, body: changedByte(body, dice) }, answer: 'forged' }),
    () => ({ post: { ...genuine, body: JSON.stringify(JSON.parse(body), null, 1) }, answer: 'forged' }),
    () => ({ post: signed(body, { secret, nowMs: nowMs - 302_000 }), answer: 'forged' }),
    () => ({ post: signed(body, { secret, nowMs: nowMs + 302_000 }), answer: 'forged' }),
    // A week later, with what was signed then under the time of now.
    () => ({
      post: withHeader(replayed(signed(body, { secret, nowMs: nowMs - 604_800_000 }), nowMs)),
      answer: 'forged',
    }),
    () => ({ post: withHeader(''), answer: 'forged' }),
    () => ({ post: withHeader(header.replace('v1=', 'v0=')), answer: 'forged' }),
    () => ({ post: signed(ofAnotherShop(body), signing), answer: 'ignored' }),
  ]
  return dice.pick(ways)()
}

function replayed({ headers }: Post, nowMs: number): string {
  return (headers[signatureHeader] as string).replace(/^t=\d+/, `t=${Math.floor(nowMs / 1_000)}`)
}

function changedByte(body: string, dice: Dice): string {
  const at = dice.between(0, body.length - 1)
  const byte = body.charCodeAt(at) ^ 1
  return `${body.slice(0, at)}${String.fromCharCode(byte)}${body.slice(at + 1)}`
}

function ofAnotherShop(body: string): string {
  const event = JSON.parse(body)
  const { id, data } = event
  return JSON.stringify({ ...event, id: `${id}x`, data: { ...data, key: `${data.key}x` } })
}
