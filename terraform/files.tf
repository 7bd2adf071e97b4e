# Workspaces and witnesses: volumes that every node can write.
resource "aws_efs_file_system" "this" {
  encrypted       = true
  kms_key_id      = aws_kms_key.data.arn
  throughput_mode = "elastic"
}

resource "aws_security_group" "files" {
  name        = "${var.project}-${var.environment}-files"
  description = "NFS, from the nodes of the cluster alone"
  vpc_id      = var.vpc_id
}

resource "aws_vpc_security_group_ingress_rule" "files" {
  security_group_id            = aws_security_group.files.id
  description                  = "NFS from the nodes"
  referenced_security_group_id = aws_eks_cluster.this.vpc_config[0].cluster_security_group_id
  from_port                    = 2049
  to_port                      = 2049
  ip_protocol                  = "tcp"
}

resource "aws_efs_mount_target" "this" {
  for_each        = toset(var.private_subnet_ids)
  file_system_id  = aws_efs_file_system.this.id
  subnet_id       = each.value
  security_groups = [aws_security_group.files.id]
}
