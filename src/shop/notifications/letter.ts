/** What a message says, once, for both of its forms: plain text, and HTML that needs nothing from anywhere. */

export type Letter = {
  readonly subject: string
  readonly greeting: string
  readonly paragraphs: readonly string[]
  /** What was bought, and what it came to. */
  readonly lines: readonly { readonly what: string; readonly amount: string }[]
  /** Such as a tracking number. */
  readonly facts: readonly (readonly [name: string, value: string])[]
  readonly signature: string
}

export function textOf({ greeting, paragraphs, lines, facts, signature }: Letter): string {
  const blocks = [
    greeting,
    ...paragraphs,
    lines.map(({ what, amount }) => `  ${what}: ${amount}`).join('\n'),
    facts.map(([name, value]) => `${name}: ${value}`).join('\n'),
    signature,
  ]
  return `${blocks.filter((block) => block !== '').join('\n\n')}\n`
}

export function htmlOf({ subject, greeting, paragraphs, lines, facts, signature }: Letter): string {
  const rows = lines.map(
    ({ what, amount }) =>
      `<tr><td style="padding:2px 24px 2px 0">${escaped(what)}</td><td style="text-align:right">${escaped(amount)}</td></tr>`,
  )
  const terms = facts.map(([name, value]) => `<p><b>${escaped(name)}:</b> ${escaped(value)}</p>`)
  return [
    '<!doctype html>',
    `<html lang="en"><head><meta charset="utf-8"><title>${escaped(subject)}</title></head>`,
    '<body style="font-family:sans-serif;line-height:1.5;max-width:40em">',
    `<p>${escaped(greeting)}</p>`,
    ...paragraphs.map((paragraph) => `<p>${escaped(paragraph)}</p>`),
    ...(rows.length === 0 ? [] : ['<table>', ...rows, '</table>']),
    ...terms,
    `<p>${escaped(signature)}</p>`,
    '</body></html>',
    '',
  ].join('\n')
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Titles and names are other people's. */
function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ESCAPES[character] ?? '')
}
