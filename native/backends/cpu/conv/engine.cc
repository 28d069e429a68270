#include "native/backends/cpu/conv/engine.h"

namespace facenet::cpu {

namespace {

// A part has at least so many tiles of rows, which is what reading a panel of weights should serve.
constexpr int64_t kMinTiles = 2;
// Parts for each thread, so that all end at about the same time.
constexpr int64_t kPartsPerThread = 4;

}  // namespace

// Rows are cut first, which costs nothing but the weights that each part reads again; late layers have few rows and many
// panels, and their panels are cut too.
void multiplyTogether(const ConvEngine& engine, const View& source, const float* packed,
                      const GemmColumn* columns, void* scratch, Team& team) {
  const int64_t rows = engine.rows(source.count), panels = engine.panels();
  int64_t rowsOfPart = engine.maxRows(), panelsOfPart = panels;
  if (team.size() > 1) {
    const int64_t wanted = kPartsPerThread * team.size();
    rowsOfPart =
        roundUp(std::max(ceilDivide(rows, wanted), kMinTiles * engine.tileRows()), engine.tileRows());
    rowsOfPart = std::min(rowsOfPart, engine.maxRows());
    const int64_t parts = engine.preparesRows() ? team.size() : wanted;
    panelsOfPart = ceilDivide(panels, std::min(panels, ceilDivide(parts, ceilDivide(rows, rowsOfPart))));
  }
  const int64_t groups = ceilDivide(panels, panelsOfPart);
  team.share(ceilDivide(rows, rowsOfPart) * groups, [&](int64_t part) {
    const int64_t row = part / groups * rowsOfPart, panel = part % groups * panelsOfPart;
    engine.multiply(source, packed, columns,
                    {row, std::min(row + rowsOfPart, rows), panel, std::min(panel + panelsOfPart, panels)},
                    scratch);
  });
}

}  // namespace facenet::cpu
