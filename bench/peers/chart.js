import { text } from 'node:stream/consumers'
import * as echarts from 'echarts'

// The curves of growth, which come in on standard input, as one picture: a panel for each thing that grows, both axes by powers of ten.
const curves = JSON.parse(await text(process.stdin))
const columns = 3
const panel = { width: 300, height: 240 }
const rows = Math.ceil(curves.length / columns)
const colours = ['#3b6fb6', '#c8553d', '#4f9d69', '#8c5fa8']
const operations = Object.keys(curves[0].times)
const cell = (index) => ({ left: (index % columns) * panel.width, top: 40 + Math.floor(index / columns) * panel.height })

const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: columns * panel.width, height: 40 + rows * panel.height })
chart.setOption({
  animation: false,
  backgroundColor: '#ffffff',
  color: colours,
  legend: { data: operations, top: 8 },
  title: curves.map(({ dimension }, index) => ({ text: dimension, left: cell(index).left + 60, top: cell(index).top + 4, textStyle: { fontSize: 13 } })),
  grid: curves.map((_, index) => ({ left: cell(index).left + 60, top: cell(index).top + 32, width: panel.width - 90, height: panel.height - 80 })),
  xAxis: curves.map((_, gridIndex) => ({ type: 'log', gridIndex, axisLabel: { formatter: (value) => value.toLocaleString('en', { notation: 'compact' }) } })),
  yAxis: curves.map((_, gridIndex) => ({ type: 'log', gridIndex, min: 0.1, max: 100, name: gridIndex % columns === 0 ? 'ms' : '' })),
  series: curves.flatMap(({ counts, times }, index) => operations.map((operation, which) => ({
    name: operation, type: 'line', xAxisIndex: index, yAxisIndex: index, symbolSize: 5, itemStyle: { color: colours[which] }, data: counts.map((count, at) => [count, times[operation][at]])
  })))
})
process.stdout.write(`${chart.renderToSVGString()}\n`)
chart.dispose()
